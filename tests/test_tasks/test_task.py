"""The table of tasks, and its doors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mmmtl.tasks import task as table
from mmmtl.tasks.task import (
    FIELDS,
    TASKS,
    check_tasks,
    get_task,
    new_rows,
    register_task,
    register_tasks,
)


@pytest.fixture(autouse=True)
def _own_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rows of these tests are gone afterwards."""
    rows, fields = dict(table._TABLE), dict(table._FIELDS)
    yield
    table._TABLE.clear()
    table._TABLE.update(rows)
    table._FIELDS.clear()
    table._FIELDS.update(fields)


def test_nine_tasks_are_built_in() -> None:
    assert list(TASKS)[:9] == [
        'semseg',
        'depth',
        'normals',
        'edge',
        'saliency',
        'human_parts',
        'reshading',
        'keypoints2d',
        'edges2d',
    ]


def test_fields_are_mmsegs_where_mmseg_has_them() -> None:
    assert get_task('semseg').gt_field == 'gt_sem_seg'
    assert get_task('depth').pred_field == 'pred_depth_map'
    assert FIELDS['gt_edge_map'] is get_task('edge')


def test_a_task_of_ones_own() -> None:
    row = register_task('height', kind='scalar', unit='m', mean=3.0)
    assert (row.gt_field, row.pred_field) == ('gt_height', 'pred_height')
    assert (row.classes_key, row.palette_key) == (
        'height_classes',
        'height_palette',
    )
    assert row.kind.unit == 'm'
    assert row.primary == 'mae'
    assert FIELDS['gt_height'] is row
    # What a dump carries brings the same row again, in any process.
    rows = new_rows(['depth', 'height'])
    assert rows == {'height': {'kind': 'scalar', 'unit': 'm', 'mean': 3.0}}
    register_tasks(rows)
    assert get_task('height') is row


def test_a_row_may_have_its_own_metric_and_figure() -> None:
    row = register_task(
        'cracks',
        kind='binary',
        metric={'type': 'BoundaryMetric'},
        primary='odsF',
    )
    assert row.metric == {'type': 'BoundaryMetric'}
    assert row.primary == 'odsF'


def test_one_name_means_one_thing() -> None:
    register_task('cracks', kind='binary')
    register_task('cracks', kind='binary')
    with pytest.raises(ValueError, match='choose another name'):
        register_task('cracks', kind='classes')
    with pytest.raises(ValueError, match='choose another name'):
        register_task('depth', kind='scalar')


@pytest.mark.parametrize(
    'name',
    [
        *('type', 'update', 'get', 'copy', 'training', 'class', 'None'),
        *('my-task', 'hairloss', 'höhe', '_x', ''),
    ],
)
def test_names_that_would_break_something_else(name: str) -> None:
    with pytest.raises(ValueError, match='task name'):
        register_task(name, kind='binary')


def test_mistakes_name_what_is_near() -> None:
    with pytest.raises(ValueError, match="did you mean 'binary'"):
        register_task('cracks', kind='binar')
    with pytest.raises(ValueError, match='unknown kind'):
        register_task('cracks', kind=['binary'])
    with pytest.raises(ValueError, match="did you mean 'unit'"):
        register_task('height', kind='scalar', unitt='m')
    with pytest.raises(ValueError, match="did you mean 'depth'"):
        get_task('detph')
    with pytest.raises(ValueError, match='new_tasks'):
        register_tasks({'cracks': {}})


@pytest.mark.parametrize('tasks', ['depth', [], ['depth', 'depth']])
def test_lists_that_cannot_be(tasks: list | str) -> None:
    with pytest.raises(ValueError, match='tasks'):
        check_tasks(tasks)
