"""One page per data sample: the image, then every task's label and output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS, check_tasks, get_task
from mmmtl.visualization.painters import Range, display_range, paint
from mmmtl.visualization.picture_grid import INK, Cell

_COLUMNS = 5  # of tasks beside each other; the others go below
_LINE = 14  # pixels
_LEGEND_COLUMN = 96  # pixels; the longest usual name in the small font
Row = list[Cell | None]


def cells_of_sample(
    image: np.ndarray,
    sample: MultiTaskDataSample,
    *,
    dataset_meta: Mapping[str, Any] | None = None,
    draw_gt: bool = True,
    draw_pred: bool = True,
    tasks: Sequence[str] | None = None,
    ranges: Mapping[str, Range] | None = None,
) -> list[Row]:
    """Paint what a sample holds and arrange it.

    With labels and predictions there is one column per task, the label above
    the prediction, in the same colours; with one kind only, the maps follow
    each other.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        sample: Labels and predictions at the size of the image.
        dataset_meta: Class lists and palettes of the tasks (``classes`` and
            ``palette`` for semseg, ``<task>_classes`` and
            ``<task>_palette``) are used where it has them.
        draw_gt: Draw the labels.
        draw_pred: Draw the predictions.
        tasks: Tasks to draw, in this order; all that the sample has if None.
        ranges: Values at the two ends of the colours of a task; those of its
            map where there is none. With it, legends keep the order of ids.

    Returns:
        Rows of cells for :func:`mmmtl.visualization.draw_grid`.
    """
    meta = dataset_meta or {}
    names = TASKS if tasks is None else check_tasks(tasks)
    pairs = {
        task: (
            _numpy(sample.get_gt(task))
            if draw_gt and sample.has_gt(task)
            else None,
            _numpy(sample.get_pred(task))
            if draw_pred and sample.has_pred(task)
            else None,
        )
        for task in names
    }
    columns = [
        _paint_pair(task, pair, meta, (ranges or {}).get(task))
        for task, pair in pairs.items()
        if any(values is not None for values in pair)
    ]
    first = Cell('image', image, smooth=True)
    by_id = ranges is not None
    legends = [
        _legend(task, pair, meta, image.shape[:2], by_id=by_id)
        for task, pair in pairs.items()
    ]
    legends = [legend for legend in legends if legend is not None]
    labels = [label for label, _ in columns if label is not None]
    predictions = [output for _, output in columns if output is not None]
    if labels and predictions:
        # The first stands below the image, the others in further columns.
        legend, *others = legends or [None]
        pairs_of_legends = zip_longest(others[::2], others[1::2])
        return _two_rows(first, legend, [*columns, *pairs_of_legends])
    flat = [first, *labels, *predictions, *legends]
    return list(_wrap(flat, 1 + _COLUMNS))


def _numpy(values: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    values = values.detach().cpu()
    # numpy has no bfloat16, which mixed precision may leave here.
    return (values.float() if values.is_floating_point() else values).numpy()


def _paint_pair(
    task: str,
    pair: tuple[np.ndarray | None, np.ndarray | None],
    meta: Mapping[str, Any],
    ends: Range | None = None,
) -> tuple[Cell | None, Cell | None]:
    label, output = pair
    given = [values for values in pair if values is not None]
    alone = len(given) == 1
    if ends is None and given:
        ends = display_range(task, given[0])
    row = get_task(task)
    palette = meta.get(row.palette_key)
    unit = row.kind.symbol
    name = f'{task} {_range_text(ends)} {unit}' if ends and unit else task

    def cell(kind: str, values: np.ndarray | None) -> Cell | None:
        if values is None:
            return None
        title = name if alone else f'{name}, {kind}'
        picture = paint(task, values, palette, ends)
        # Averaging would mix the colours of two classes into a third.
        return Cell(title, picture, row.kind.pred_dtype.is_floating_point)

    return cell('truth', label), cell('predicted', output)


def _range_text(ends: tuple[float, float]) -> str:
    low, high = ends
    digits = '.1f' if high - low >= 1 else '.3g'
    return f'{low:{digits}}{"-" if low >= 0 else " to "}{high:{digits}}'


def _legend(
    task: str,
    maps: Sequence[np.ndarray | None],
    meta: Mapping[str, Any],
    size: tuple[int, int],
    *,
    by_id: bool,
) -> Cell | None:
    row = get_task(task)
    names = meta.get(row.classes_key)
    given = [values.ravel() for values in maps if values is not None]
    if not names or not given:
        return None
    ids, counts = np.unique(
        np.concatenate(given),
        return_counts=True,
    )
    known = ids < len(names)
    ids, counts = ids[known], counts[known]
    ids = ids if by_id else ids[np.argsort(-counts, kind='stable')]
    # Each id as the painter of the task shows it.
    every_id = np.arange(len(names))[None]
    colours = paint(task, every_id, meta.get(row.palette_key))[0]
    picture = draw_legend(ids.tolist(), names, colours, size)
    return Cell(row.classes_key.replace('_', ' '), picture)


def draw_legend(
    ids: Sequence[int],
    names: Sequence[str],
    palette: Sequence[Sequence[int]] | np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    """Draw the names of some classes, as many as there is room for.

    Args:
        ids: Class ids to name, the most important first.
        names: Name of every class.
        palette: ``(N, 3)`` RGB colour of every class.
        size: ``(height, width)`` of the picture.

    Returns:
        ``(height, width, 3)`` uint8 RGB on white.
    """
    height, width = size
    picture = np.full((height, width, 3), 255, np.uint8)
    per_column = max(height // _LINE, 1)
    for place, index in enumerate(ids):
        column, line = divmod(place, per_column)
        x, y = column * _LEGEND_COLUMN, line * _LINE
        if x + _LEGEND_COLUMN > width and column > 0:
            break
        colour = tuple(int(c) for c in palette[index])
        cv2.rectangle(picture, (x, y + 2), (x + 9, y + 11), colour, -1)
        cv2.putText(
            picture,
            str(names[index]),
            (x + 13, y + 11),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.34,
            INK,
            1,
            cv2.LINE_AA,
        )
    return picture


def _two_rows(
    first: Cell,
    legend: Cell | None,
    columns: Sequence[tuple[Cell | None, Cell | None]],
) -> list[Row]:
    rows: list[Row] = []
    for band in _wrap(columns, _COLUMNS):
        # The first column belongs to the image; in the bands below it stays
        # empty, so that the tasks stand in line.
        corner = (None, None) if rows else (first, legend)
        rows.append([corner[0], *(label for label, _ in band)])
        rows.append([corner[1], *(output for _, output in band)])
    return rows


def _wrap(items: Sequence[Any], width: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), width):
        yield list(items[start : start + width])
