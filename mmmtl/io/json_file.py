"""JSON results that are either complete or not there."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any


def write_json(path: str | Path, content: dict[str, Any]) -> None:
    """Write a dict to a JSON file in one step.

    The text goes to a file beside the target, which is renamed when it is
    complete: a reader, or a full disk, never meets half a result.

    Args:
        path: The target; its folder is made if needed.
        content: Plain values, numpy or torch scalars, lists and dicts of
            them. A value that is not finite becomes null, which JSON knows.
    """
    path = Path(path)
    text = json.dumps(_plain(content), indent=2, allow_nan=False) + '\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        partial.write_text(text, encoding='utf-8')
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
