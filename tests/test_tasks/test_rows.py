"""The nine built-in rows, written out a second time."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from mmmtl.evaluation import primary_metric
from mmmtl.tasks import TASKS, get_task

I64, F32 = torch.int64, torch.float32
CLASSES, BINARY = ('classes', 1, I64, I64, 255), ('binary', 1, I64, F32, 255)
SCALAR = ('scalar', 1, F32, F32, math.nan)
# Kind, components, types of label and prediction, "no label"; then the fields,
# the figure it is compared by (less is better: '-') and the painter. A change
# of meaning must be made twice.
ROWS: dict[str, tuple[Any, ...]] = {
    'semseg': (CLASSES, 'sem_seg', 'mIoU', 'classes'),
    'depth': (('depth', 1, F32, F32, 0), 'depth_map', '-rmse', 'depth'),
    'normals': (
        *(('normals', 3, F32, F32, 0), 'normals', '-mean_err', 'normals'),
    ),
    'edge': (BINARY, 'edge_map', 'odsF', 'grey'),
    'saliency': (BINARY, 'saliency', 'maxF', 'grey'),
    'human_parts': (CLASSES, 'human_parts', 'mIoU', 'human_parts'),
    'reshading': (SCALAR, 'reshading', '-mae', 'grey'),
    'keypoints2d': (SCALAR, 'keypoints2d', '-mae', 'heat'),
    'edges2d': (SCALAR, 'edges2d', '-mae', 'heat'),
}


def test_the_table_has_these_tasks() -> None:
    assert list(TASKS) == list(ROWS)


@pytest.mark.parametrize('task', ROWS)
def test_row(task: str) -> None:
    row = get_task(task)
    kind = row.kind
    what = (
        *(row.kind_name, kind.components, kind.dtype, kind.pred_dtype),
        kind.no_label,
    )
    figure = primary_metric(task)
    primary = '-' * figure.lower_is_better + figure.name
    want, field, compared, painter = ROWS[task]
    # NaN is no number's equal.
    assert str(what) == str(want)
    assert (row.gt_field, row.pred_field) == (f'gt_{field}', f'pred_{field}')
    assert (primary, row.painter) == (compared, painter)


def test_convention_only_normals_turn_and_only_depth_follows_zoom() -> None:
    """In what a mirror, a turn and a zoom change."""
    turning, mirrored, zoomed = [], [], []
    for task, row in TASKS.items():
        kind = row.kind
        values = np.full((2, 2, kind.components), 0.5, np.float32)
        if (kind.turn(values, 30.0, axis=-1) != values).any():
            turning.append(task)
        if (kind.flip(values, 'horizontal', axis=-1) != values).any():
            mirrored.append(task)
        if (kind.zoom(values, 2.0) != values).any():
            zoomed.append(task)
    assert (turning, mirrored, zoomed) == (['normals'], ['normals'], ['depth'])


def test_no_two_rows_share_a_field() -> None:
    fields = [
        f for row in TASKS.values() for f in (row.gt_field, row.pred_field)
    ]
    assert len(set(fields)) == 2 * len(TASKS)


def test_rows_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_task('depth').painter = 'grey'  # type: ignore[misc]


@pytest.mark.parametrize(
    ('found', 'meant'),
    [('depht', 'depth'), ('normal', 'normals'), ('humanparts', 'human_parts')],
)
def test_an_unknown_name_is_answered_by_the_nearest(
    found: str, meant: str
) -> None:
    with pytest.raises(ValueError, match=f"'{found}'.*did you mean.*{meant}"):
        get_task(found)
