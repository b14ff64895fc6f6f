"""What a page knows of one picture: paintings, histograms, values.

Convention:
    A record is what JSON can hold. Colours are ``#rrggbb``. Values are those
    of every n-th pixel, quantised to ``low + step * level``; the level
    :data:`NO_VALUE` means "nothing here". Levels stand as differences of
    neighbours, all their low bytes before all high ones, deflated, base64:
    which is what makes smooth maps small.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from mmmtl.tasks import Task, get_task
from mmmtl.visualization.html_page import data_uri
from mmmtl.visualization.painters import (
    Palette,
    Range,
    display_range,
    paint,
    valid_pixels,
)
from mmmtl.visualization.picture_grid import Cell, fit_cell, scaled

#: Longer side of pictures and of grids of values, in pixels.
SHOWN_SIDE = 960
GRID_SIDE = 256
#: Steps between the smallest and the largest value.
STEPS = 500
NO_VALUE = 65535
_BINS = 48
# Of JPEG and WebP, in percent.
_QUALITY = 85
# Shown as samples of what a map of vectors says, in the frame of normals.
_AXES = {
    'right': (1, 0, 0),
    'left': (-1, 0, 0),
    'down': (0, 1, 0),
    'up': (0, -1, 0),
    'away': (0, 0, 1),
    'towards the camera': (0, 0, -1),
}


def picture_record(
    name: str,
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    dataset_meta: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe a picture and its maps for a page.

    Args:
        name: What the picture is called.
        image: ``(H, W, 3)`` uint8 BGR.
        maps: Per task ``(H, W)`` or ``(H, W, C)``, in the task's unit.
        dataset_meta: Class lists and palettes of the tasks.

    Returns:
        The record.
    """
    height, width = image.shape[:2]
    shown = _within((height, width), SHOWN_SIDE)
    grid = _within((height, width), GRID_SIDE)
    return dict(
        name=name,
        width=width,
        height=height,
        image=_encode('.jpg', _at(image, shown, smooth=True)),
        grid=dict(height=grid[0], width=grid[1]),
        tasks=[
            _task_record(get_task(task), values, dataset_meta or {}, shown)
            for task, values in maps.items()
        ],
    )


def thumbnail(image: np.ndarray, side: int = 160) -> str:
    """Return a small picture as an address that holds it.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        side: Its longer side in pixels.
    """
    size = _within(image.shape[:2], side)
    return _encode('.jpg', _at(image, size, smooth=True))


def _within(size: tuple[int, ...], side: int) -> tuple[int, int]:
    height, width = size
    return fit_cell((height, width), min_width=1, max_side=side)


def _task_record(
    row: Task,
    values: np.ndarray,
    meta: Mapping[str, Any],
    shown: tuple[int, int],
) -> dict[str, Any]:
    if values.ndim == 3:
        values = values.transpose(2, 0, 1)
    values, valid = valid_pixels(row.name, values)
    smooth = row.kind.pred_dtype.is_floating_point
    palette = meta.get(row.palette_key)
    ends = display_range(row.name, values)
    painted = paint(row.name, values, palette, ends)[..., ::-1]
    found = values[:, valid]  # (C, N)
    if row.kind.has_classes:
        names = meta.get(row.classes_key) or ()
        details = _class_details(row.name, found[0], names, palette)
    elif len(values) == 1:
        details = _number_details(row.name, found, ends, palette)
    else:
        details = _vector_details(row.name, found)
    grid = _within(valid.shape, GRID_SIDE)
    return dict(
        task=row.name,
        unit=row.kind.unit,
        symbol=row.kind.symbol,
        # Compression would invent colours that are no class's.
        picture=_encode(
            '.webp' if smooth else '.png', _at(painted, shown, smooth=smooth)
        ),
        values=_grid_values(values, valid, grid, exact=row.kind.has_classes),
        **details,
    )


def _class_details(
    task: str,
    found: np.ndarray,
    names: Any,
    palette: Palette | None,
) -> dict[str, Any]:
    """Say which classes there are, the largest first."""
    ids, counts = np.unique(found, return_counts=True)
    order = np.argsort(-counts, kind='stable')
    # Each id as the painter of the task shows it.
    colours = paint(task, np.arange(max(ids, default=0) + 1)[None], palette)
    classes = [
        dict(
            id=int(index),
            name=str(names[index]) if index < len(names) else f'class {index}',
            colour=_hex(colours[0, index]),
            share=float(count / found.size),
        )
        for index, count in zip(ids[order], counts[order], strict=True)
    ]
    return dict(form='classes', classes=classes)


def _number_details(
    task: str,
    found: np.ndarray,
    ends: Range | None,
    palette: Palette | None,
) -> dict[str, Any]:
    """Say what colours mean, and how often each value occurs."""
    low, high = ends or _span(found)
    ramp = np.linspace(low, high, 32, dtype=np.float32)[None]
    colours = paint(task, ramp, palette, ends)[0]
    return dict(
        form='number',
        ends=[low, high],
        colours=[_hex(colour) for colour in colours],
        counts=[_histogram(found[0], low, high)],
        **_quartiles(found),
    )


def _quartiles(found: np.ndarray) -> dict[str, float]:
    if not found.size:
        return {}
    low, median, high = np.percentile(found, (0, 50, 100))
    return dict(least=float(low), median=float(median), most=float(high))


def _vector_details(task: str, found: np.ndarray) -> dict[str, Any]:
    low, high = _span(found)
    details: dict[str, Any] = dict(
        form='vector',
        ends=[low, high],
        counts=[_histogram(part, low, high) for part in found],
    )
    if len(found) == 3:
        samples = np.array(list(_AXES.values()), np.float32)
        colours = paint(task, samples.T[:, None])[0]
        details['axes'] = [
            dict(name=name, colour=_hex(colour))
            for name, colour in zip(_AXES, colours, strict=True)
        ]
    return details


def _span(found: np.ndarray) -> Range:
    if not found.size:
        return 0.0, 1.0
    return float(found.min()), float(found.max())


def _histogram(found: np.ndarray, low: float, high: float) -> list[float]:
    """Return shares; what lies outside is counted at the ends."""
    # Not np.histogram: it refuses maps that are almost constant.
    wide = _BINS / (high - low) if high > low else 0.0
    places = np.clip((found - low) * wide, 0, _BINS - 1).astype(np.int64)
    counts = np.bincount(places, minlength=_BINS)
    return [round(float(n), 6) for n in counts / max(found.size, 1)]


def _grid_values(
    values: np.ndarray,
    valid: np.ndarray,
    grid: tuple[int, int],
    *,
    exact: bool,
) -> dict[str, Any]:
    # Of single pixels, not means: a mean of two classes is a third one.
    rows, columns = (
        ((np.arange(n) + 0.5) * size / n).astype(int)
        for n, size in zip(grid, valid.shape, strict=True)
    )
    taken = np.ix_(rows, columns)
    present = valid[taken]
    picked = np.stack([part[taken] for part in values])
    low, high = (0.0, 0.0) if exact else _span(picked[:, present])
    step = (high - low) / STEPS if high > low else 1.0
    levels = np.where(present, np.rint((picked - low) / step), NO_VALUE)
    levels = levels.astype(np.uint16).ravel()
    steps = np.diff(levels, prepend=np.uint16(0))
    content = (steps & 255).astype(np.uint8).tobytes()
    content += (steps >> 8).astype(np.uint8).tobytes()
    return dict(
        planes=len(values),
        low=low,
        step=step,
        data=base64.b64encode(zlib.compress(content, 9)).decode(),
    )


def _at(
    picture: np.ndarray, size: tuple[int, int], *, smooth: bool
) -> np.ndarray:
    return scaled(Cell('', picture, smooth), size)


def _encode(suffix: str, picture: np.ndarray) -> str:
    kind, option = {
        '.jpg': ('jpeg', [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]),
        '.webp': ('webp', [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]),
        '.png': ('png', [cv2.IMWRITE_PNG_COMPRESSION, 9]),
    }[suffix]
    _, content = cv2.imencode(suffix, np.ascontiguousarray(picture), option)
    return data_uri(f'image/{kind}', content.tobytes())


def _hex(colour: np.ndarray) -> str:
    return f'#{bytes(colour.astype(np.uint8)).hex()}'
