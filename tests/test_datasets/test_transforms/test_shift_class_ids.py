"""Class ids of released weights."""

from __future__ import annotations

import numpy as np
import pytest

from mmmtl.datasets.transforms import ShiftClassIds


def test_ids_move_and_unlabelled_stays() -> None:
    label = np.uint8([[0, 39, 255]])
    labels = dict(semseg=label, depth=np.zeros((1, 3), np.float32))
    found = ShiftClassIds(offset=1)(dict(labels=labels))['labels']
    assert found['semseg'].tolist() == [[1, 40, 255]]
    assert found['semseg'].dtype == np.uint8
    assert found['depth'] is labels['depth']
    assert label.tolist() == [[0, 39, 255]]


def test_a_sample_without_the_task_stays() -> None:
    results = dict(img=1)
    assert ShiftClassIds(offset=1)(results) == dict(img=1)
    assert ShiftClassIds(offset=1)(dict(labels={})) == dict(labels={})


def test_a_map_without_any_label_stays() -> None:
    label = np.full((2, 2), 255, np.uint8)
    found = ShiftClassIds(offset=-3)(dict(labels=dict(semseg=label)))
    assert (found['labels']['semseg'] == 255).all()


@pytest.mark.parametrize(('value', 'offset'), [(0, -1), (254, 1)])
def test_ids_out_of_range_are_refused(value: int, offset: int) -> None:
    label = np.full((2, 2), value, np.uint8)
    with pytest.raises(ValueError, match='change offset'):
        ShiftClassIds(offset=offset)(dict(labels=dict(semseg=label)))


def test_a_task_without_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="'depth' has no classes"):
        ShiftClassIds(offset=1, task='depth')
