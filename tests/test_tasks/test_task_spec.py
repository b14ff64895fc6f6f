from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch

from mmmtl.tasks import TASK_SPECS, check_tasks, get_task_spec

I64, F32 = torch.int64, torch.float32
COLUMNS = (
    'gt_field',
    'pred_field',
    'channels',
    'label_channels',
    'dtype',
    'pred_dtype',
    'ignore_value',
    'decode',
    'range',
)
# Written out a second time on purpose: a change of meaning must be made twice.
ROWS: dict[str, tuple[Any, ...]] = {
    'semseg': (
        *('gt_sem_seg', 'pred_sem_seg', None, 1, I64, I64),
        *(255, 'argmax', (0, 254)),
    ),
    'depth': (
        *('gt_depth_map', 'pred_depth_map', 1, 1, F32, F32),
        *(0, 'clamp_min_0', (0, math.inf)),
    ),
    'normals': (
        *('gt_normals', 'pred_normals', 3, 3, F32, F32),
        *(0, 'l2_normalize', (-1, 1)),
    ),
    'edge': (
        *('gt_edge_map', 'pred_edge_map', 1, 1, I64, F32),
        *(255, 'sigmoid', (0, 1)),
    ),
    'saliency': (
        *('gt_saliency', 'pred_saliency', None, 1, I64, F32),
        *(255, 'sigmoid_or_softmax1', (0, 1)),
    ),
    'human_parts': (
        *('gt_human_parts', 'pred_human_parts', None, 1, I64, I64),
        *(255, 'argmax', (0, 254)),
    ),
    'reshading': (
        *('gt_reshading', 'pred_reshading', 1, 1, F32, F32),
        *(math.nan, 'identity', (0, 1)),
    ),
    'keypoints2d': (
        *('gt_keypoints2d', 'pred_keypoints2d', 1, 1, F32, F32),
        *(math.nan, 'identity', (0, 1)),
    ),
    'edges2d': (
        *('gt_edges2d', 'pred_edges2d', 1, 1, F32, F32),
        *(math.nan, 'identity', (0, 1)),
    ),
}


def test_the_table_has_these_tasks() -> None:
    assert list(TASK_SPECS) == list(ROWS)


@pytest.mark.parametrize('task', ROWS)
def test_row(task: str) -> None:
    spec = get_task_spec(task)
    assert spec.name == task
    for column, want in zip(COLUMNS, ROWS[task], strict=True):
        found = getattr(spec, column)
        same = found == want or (found != found and want != want)
        assert same, f'{task}.{column} is {found}, not {want}'


def test_convention_only_normals_turn_and_only_depth_follows_zoom() -> None:
    turning = [t for t, s in TASK_SPECS.items() if s.rotates_xy]
    mirrored = [t for t, s in TASK_SPECS.items() if s.flips_x_sign]
    zoomed = [t for t, s in TASK_SPECS.items() if s.follows_zoom]
    assert (turning, mirrored, zoomed) == (['normals'], ['normals'], ['depth'])


def test_labels_are_never_averaged_by_resizing() -> None:
    """Class ids must not be; the released recipes resize all so."""
    assert {spec.interpolation for spec in TASK_SPECS.values()} == {'nearest'}


def test_no_two_rows_share_a_field() -> None:
    fields = [
        field
        for spec in TASK_SPECS.values()
        for field in (spec.gt_field, spec.pred_field)
    ]
    assert len(set(fields)) == 2 * len(TASK_SPECS)


def test_rows_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_task_spec('depth').ignore_value = 255  # type: ignore[misc]


@pytest.mark.parametrize(
    ('found', 'meant'),
    [('depht', 'depth'), ('normal', 'normals'), ('humanparts', 'human_parts')],
)
def test_an_unknown_name_is_answered_by_the_nearest(
    found: str, meant: str
) -> None:
    with pytest.raises(ValueError, match=f"'{found}'.*did you mean.*{meant}"):
        get_task_spec(found)


def test_a_name_far_from_all_lists_them() -> None:
    with pytest.raises(ValueError, match=r'known are: .*semseg'):
        get_task_spec('xyz')


def test_check_tasks_keeps_the_order() -> None:
    assert check_tasks(['normals', 'depth']) == ('normals', 'depth')
    assert check_tasks({'edge': 1, 'depth': 2}) == ('edge', 'depth')


@pytest.mark.parametrize(
    ('tasks', 'message'),
    [
        ([], 'tasks is empty'),
        ('depth', "unknown task 'd'"),
        (['depth', 'edge', 'depth'], r"\['depth'\] more than once"),
        (['depth', 'sal'], "unknown task 'sal'"),
    ],
)
def test_check_tasks_refuses(tasks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_tasks(tasks)
