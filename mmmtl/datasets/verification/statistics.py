"""Numbers about decoded maps, per map and over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmmtl.tasks import get_task_spec, valid_mask


def describe(task: str, label: np.ndarray) -> dict[str, Any]:
    """Describe one decoded map.

    Args:
        task: Its task.
        label: ``(H, W)`` or ``(H, W, 3)``.

    Returns:
        ``pixels``, ``labelled``; of maps of numbers ``low``, ``median``,
        ``high``, of maps of classes ``counts`` (class id -> pixels).
    """
    spec = get_task_spec(task)
    channels = label[None] if label.ndim == 2 else label.transpose(2, 0, 1)
    valid = valid_mask(channels, spec)[0]
    found: dict[str, Any] = {
        'pixels': int(valid.size),
        'labelled': int(valid.sum()),
    }
    if label.ndim != 2:
        return found
    values = label[valid]
    if not spec.dtype.is_floating_point:
        counts = np.bincount(values.ravel())
        found['counts'] = {int(i): int(counts[i]) for i in counts.nonzero()[0]}
    elif values.size:
        found['low'], found['high'] = float(values.min()), float(values.max())
        found['median'] = float(np.median(values))
    return found


def merge(task: str, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put the descriptions of many maps together.

    Args:
        task: Their task.
        parts: What :func:`describe` returned, and ``angle`` of normals where
            they could be compared with depth.

    Returns:
        ``maps``, ``labelled`` (share of the pixels), and ``low``, ``median``
        (of the maps' medians), ``high``, ``counts`` or ``angle`` (median).
    """
    pixels = sum(part['pixels'] for part in parts)
    merged: dict[str, Any] = {
        'maps': len(parts),
        'labelled': sum(part['labelled'] for part in parts) / max(pixels, 1),
        'unit': get_task_spec(task).unit,
    }
    numbers = [part for part in parts if 'median' in part]
    if numbers:
        merged['low'] = min(part['low'] for part in numbers)
        merged['median'] = float(np.median([p['median'] for p in numbers]))
        merged['high'] = max(part['high'] for part in numbers)
    counts: dict[int, int] = {}
    for part in parts:
        for class_id, count in part.get('counts', {}).items():
            counts[class_id] = counts.get(class_id, 0) + count
    if counts:
        merged['counts'] = dict(sorted(counts.items()))
    angles = [part['angle'] for part in parts if 'angle' in part]
    if angles:
        merged['angle_to_depth'] = float(np.median(angles))
    return merged
