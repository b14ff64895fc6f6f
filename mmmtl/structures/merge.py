"""Merging dictionaries in which a clash is a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge_unique(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Merge dictionaries that must not share a key.

    Args:
        *parts: Losses, metrics or predictions by name.

    Returns:
        One dictionary with all entries, in order.

    Raises:
        ValueError: If a key occurs twice: the second value would silently
            replace the first.
    """
    merged: dict[str, Any] = {}
    for part in parts:
        twice = sorted(merged.keys() & part.keys())
        if twice:
            raise ValueError(
                f'{twice} given more than once: rename one of them'
            )
        merged.update(part)
    return merged
