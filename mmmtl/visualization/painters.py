"""From the map of a task to a picture: one pure function per painter.

A row of the table of tasks names its painter; :func:`register_painter` adds
one.

Convention:
    Maps are ``(C, H, W)`` as on a data sample, or ``(H, W)`` where C is 1.
    Pictures are ``(H, W, 3)`` uint8 RGB. A pixel without a label is black;
    where black is an ordinary value (grey pictures) it is
    :data:`NO_LABEL_ON_GREY`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmmtl.errors import did_you_mean
from mmmtl.tasks import Kind, get_task
from mmmtl.tasks.kinds import Binary
from mmmtl.visualization.palettes import (
    NO_LABEL,
    default_palette,
    human_parts_palette,
)

Palette = Sequence[Sequence[int]] | np.ndarray
Range = tuple[float, float]

NO_LABEL_ON_GREY = (96, 32, 128)


# From the valid values of a map to the two ends of its colours.
Ends = Callable[[Kind, np.ndarray], Range]
Paint = Callable[
    [np.ndarray, np.ndarray, Palette | None, Range | None], np.ndarray
]


@dataclass(frozen=True)
class Painter:
    """How the maps of a task become pictures.

    Attributes:
        paint: Called with the ``(C, H, W)`` map, the ``(H, W)`` mask of its
            valid pixels, the palette of its classes if there is one, and the
            values at the two ends of the colours; returns ``(H, W, 3)``
            uint8 RGB.
        ends: Chooses those two values; None where colours are fixed.
    """

    paint: Paint
    ends: Ends | None = None


#: Every painter, by the name that rows of the table of tasks use.
PAINTERS: dict[str, Painter] = {}


def register_painter(
    name: str, *, ends: Ends | None = None
) -> Callable[[Paint], Paint]:
    """Make a function known as a painter.

    Args:
        name: What rows of the table of tasks call it; a known one is
            replaced.
        ends: See :class:`Painter`; called with the kind of the task and the
            ``(N,)`` valid values, at least one.

    Returns:
        A decorator that returns the function unchanged.
    """

    def register(paint: Paint) -> Paint:
        PAINTERS[name] = Painter(paint, ends)
        return paint

    return register


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
        value_range: Values at the two ends of the colours, in the task's
            unit; those of :func:`display_range` if None. Give the same ones
            to maps that are to be compared.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    values, valid = valid_pixels(task, values)
    if value_range is None:
        value_range = display_range(task, values)
    painter = painter_of(task)
    return painter.paint(values, valid, palette, value_range)


def display_range(task: str, values: np.ndarray) -> Range | None:
    """Return the range of values that a picture of this map shows.

    Args:
        task: Task name.
        values: ``(C, H, W)`` or ``(H, W)`` map.

    Returns:
        Nearest and farthest of the valid depths without their outer 2 %
        (sensor noise would take the contrast from all the rest); of a heat
        map the smallest value of its kind, or its 0.5th percentile if there
        is none, and its 99.5th percentile; None for maps whose colours are
        fixed.
    """
    painter = painter_of(task)
    if painter.ends is None:
        return None
    values, valid = valid_pixels(task, values)
    if not valid.any():
        return (0.0, 1.0)
    low, high = painter.ends(get_task(task).kind, values[:, valid].ravel())
    return (float(low), float(high))


def painter_of(task: str) -> Painter:
    """Return the painter that a task's row names.

    Args:
        task: Task name.

    Raises:
        ValueError: If there is none of this name.
    """
    name = get_task(task).painter
    if name not in PAINTERS:
        raise ValueError(
            f'task {task!r} names the painter {name!r}: '
            f'{did_you_mean(name, PAINTERS)}; one of your own is added by '
            'register_painter in a module of custom_imports'
        )
    return PAINTERS[name]


def valid_pixels(
    task: str, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pixels of a map that say something.

    Args:
        task: Task name.
        values: ``(C, H, W)`` or ``(H, W)`` map.

    Returns:
        The ``(C, H, W)`` map, and ``(H, W)`` booleans.
    """
    values = np.asarray(values)
    if values.ndim == 2:
        values = values[None]
    valid = get_task(task).kind.valid(values)[0]
    if values.dtype.kind == 'f':
        valid = valid & np.isfinite(values).all(axis=0)
    return values, valid


@register_painter('classes')
def _paint_classes(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    return _paint_ids(values[0], valid, palette, default_palette)


def _paint_ids(
    ids: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    default: Callable[[int], np.ndarray],
) -> np.ndarray:
    if palette is None:
        palette = default(int(ids[valid].max(initial=0)) + 1)
    colours = np.asarray(palette, dtype=np.uint8)
    picture = colours[np.where(valid, ids, 0)]
    picture[~valid] = NO_LABEL
    return picture


@register_painter('human_parts')
def _paint_human_parts(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    return _paint_ids(values[0], valid, palette, human_parts_palette)


def _depth_ends(kind: Kind, found: np.ndarray) -> Range:
    del kind
    low, high = np.percentile(found, (2, 98))
    return low, high


@register_painter('depth', ends=_depth_ends)
def _paint_depth(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    """Near is bright (yellow), far is dark (violet)."""
    share = 1 - _share_of(values[0], valid, value_range or (0.0, 1.0))
    # Viridis: even steps look even, and its dark end is not black, which
    # means "no depth".
    return _colour_map(share, valid, cv2.COLORMAP_VIRIDIS)


@register_painter('normals')
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
    shown = values * np.array([1, -1, -1], np.float32)[:, None, None]
    shown = np.where(valid, np.clip(shown, -1, 1), 0)
    picture = np.floor((shown + 1) * 127.5 + 0.5).astype(np.uint8)
    picture = np.ascontiguousarray(picture.transpose(1, 2, 0))
    picture[~valid] = NO_LABEL
    return picture


def _grey_ends(kind: Kind, found: np.ndarray) -> Range:
    """Take the range of the kind, and what is found where it has none."""
    if isinstance(kind, Binary):
        return 0.0, 1.0  # probabilities
    low = getattr(kind, 'low', -math.inf)
    high = getattr(kind, 'high', math.inf)
    least, most = np.percentile(found, (0.5, 99.5))
    return (
        low if math.isfinite(low) else least,
        high if math.isfinite(high) else most,
    )


@register_painter('grey', ends=_grey_ends)
def _paint_grey(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    """Small is black, large is white."""
    share = _share_of(values[0], valid, value_range or (0.0, 1.0))
    picture = np.repeat(_to_byte(share)[..., None], 3, axis=-1)
    picture[~valid] = NO_LABEL_ON_GREY
    return picture


def _heat_ends(kind: Kind, found: np.ndarray) -> Range:
    low = getattr(kind, 'low', -math.inf)
    least, most = np.percentile(found, (0.5, 99.5))
    return low if math.isfinite(low) else least, most


@register_painter('heat', ends=_heat_ends)
def _paint_heat(
    values: np.ndarray,
    valid: np.ndarray,
    palette: Palette | None,
    value_range: Range | None,
) -> np.ndarray:
    """Small is black, large is bright yellow."""
    share = _share_of(values[0], valid, value_range or (0.0, 1.0))
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
