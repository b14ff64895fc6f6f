"""From the map of a task to a picture: one pure function per kind of map.

Convention:
    Maps are ``(C, H, W)`` as on a data sample, or ``(H, W)`` where C is 1.
    Pictures are ``(H, W, 3)`` uint8 RGB. A pixel without a label is black;
    where black is an ordinary value (grey pictures) it is
    :data:`NO_LABEL_ON_GREY`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mmmtl.tasks import get_task_spec, valid_mask
from mmmtl.visualization.palettes import (
    NO_LABEL,
    default_palette,
    human_parts_palette,
)

Palette = Sequence[Sequence[int]] | np.ndarray
Range = tuple[float, float]

NO_LABEL_ON_GREY = (96, 32, 128)


def paint(
    task: str,
    values: np.ndarray,
    palette: Palette | None = None,
    value_range: Range | None = None,
) -> np.ndarray:
    """Paint a label or a prediction of a task.

    Args:
        task: Task name.
        values: ``(C, H, W)`` or ``(H, W)`` map in the task's unit.
        palette: RGB colour of each class; for maps of classes only. A
            palette of distinct colours if None.
        value_range: Values at the two ends of the colour map, for depth (in
            metres) and heat maps; that of the map itself if None. Give the
            same one to maps that are to be compared.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    spec = get_task_spec(task)
    values = np.asarray(values)
    if values.ndim == 2:
        values = values[None]
    valid = valid_mask(values, spec)[0]  # (H, W)
    if values.dtype.kind == 'f':
        valid &= np.isfinite(values).all(axis=0)
    return PAINTERS[task](values, valid, palette, value_range)


def display_range(task: str, values: np.ndarray) -> Range | None:
    """Return the range of values that a picture of this map shows.

    Args:
        task: Task name.
        values: ``(C, H, W)`` or ``(H, W)`` map.

    Returns:
        Nearest and farthest of the valid depths without their outer 2 %
        (sensor noise would take the contrast from all the rest), 0 and the
        99.5th percentile of a heat map, None for maps whose colours are
        fixed.
    """
    if task not in _RANGED:
        return None
    values = np.asarray(values)
    values = values.reshape(1, *values.shape[-2:])
    valid = valid_mask(values, get_task_spec(task)) & np.isfinite(values)
    if not valid.any():
        return (0.0, 1.0)
    low, high = np.percentile(values[valid], _RANGED[task])
    return (float(low) if task == 'depth' else 0.0, float(high))


def _paint_classes(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
    default: Callable[[int], np.ndarray] = default_palette,
) -> np.ndarray:
    ids = values[0]
    if palette is None:
        palette = default(int(ids[valid].max(initial=0)) + 1)
    colours = np.asarray(palette, dtype=np.uint8)
    picture = colours[np.where(valid, ids, 0)]
    picture[~valid] = NO_LABEL
    return picture


def _paint_human_parts(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    return _paint_classes(
        values, valid, palette, value_range, human_parts_palette
    )


def _paint_depth(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    """Near is bright (yellow), far is dark (violet)."""
    ends = value_range or display_range('depth', values)
    share = 1 - _share_of(values[0], valid, ends)
    # Viridis: even steps look even, and its dark end is not black, which
    # means "no depth".
    return _colour_map(share, valid, cv2.COLORMAP_VIRIDIS)


def _paint_normals(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    """Paint unit vectors as ``(n + 1) / 2``.

    Convention:
        The picture shows x right, y up, z towards the viewer, as normal maps
        usually do, so y and z of the map (y down, z forward) change sign: a
        wall facing the camera is light blue (128, 128, 255), a floor green.
    """
    shown = values * np.float32([1, -1, -1])[:, None, None]
    shown = np.where(valid, np.clip(shown, -1, 1), 0)
    picture = np.floor((shown + 1) * 127.5 + 0.5).astype(np.uint8)
    picture = np.ascontiguousarray(picture.transpose(1, 2, 0))
    picture[~valid] = NO_LABEL
    return picture


def _paint_grey(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    """0 is black, 1 is white."""
    share = _share_of(values[0], valid, value_range or (0.0, 1.0))
    picture = np.repeat(_to_byte(share)[..., None], 3, axis=-1)
    picture[~valid] = NO_LABEL_ON_GREY
    return picture


def _paint_heat(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    """Small is black, large is bright yellow."""
    ends = value_range or display_range('keypoints2d', values)
    share = _share_of(values[0], valid, ends)
    picture = _colour_map(share, valid, cv2.COLORMAP_INFERNO)
    picture[~valid] = NO_LABEL_ON_GREY
    return picture


def _share_of(
    values: np.ndarray, valid: np.ndarray, ends: Range
) -> np.ndarray:
    """Return where in the range the values lie, 0 to 1; 0 where invalid."""
    low, high = ends
    values = np.where(valid, values, low).astype(np.float64)
    return np.clip((values - low) / max(high - low, 1e-12), 0, 1)


def _to_byte(share: np.ndarray) -> np.ndarray:
    return np.floor(share * 255 + 0.5).astype(np.uint8)


def _colour_map(
    share: np.ndarray, valid: np.ndarray, colour_map: int
) -> np.ndarray:
    picture = cv2.applyColorMap(_to_byte(share), colour_map)[..., ::-1]
    picture = np.ascontiguousarray(picture)  # OpenCV's BGR to RGB
    picture[~valid] = NO_LABEL
    return picture


# Percentiles of the valid values at the two ends of the colour map.
_RANGED = {
    'depth': (2, 98),
    'keypoints2d': (0, 99.5),
    'edges2d': (0, 99.5),
}

#: The painter of each task, called with map, mask, palette and range.
PAINTERS: dict[str, Callable[..., np.ndarray]] = {
    'semseg': _paint_classes,
    'depth': _paint_depth,
    'normals': _paint_normals,
    'edge': _paint_grey,
    'saliency': _paint_grey,
    'human_parts': _paint_human_parts,
    'reshading': _paint_grey,
    'keypoints2d': _paint_heat,
    'edges2d': _paint_heat,
}
