"""JSON results that are either complete or not there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mmmtl.io.folders import new_file


def write_json(path: str | Path, content: dict[str, Any]) -> None:
    """Write a dict to a JSON file in one step.

    A reader, or a full disk, never meets half a result.

    Args:
        path: The target; its folder is made if needed.
        content: Plain values, numpy or torch scalars, lists and dicts of
            them. A value that is not finite becomes null, which JSON knows.
    """
    text = json.dumps(_plain(content), indent=2, allow_nan=False) + '\n'
    with new_file(path) as partial:
        partial.write_text(text, encoding='utf-8')


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, 'tolist'):  # an array or scalar of numpy or torch
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
