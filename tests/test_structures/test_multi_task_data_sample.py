from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS, get_task
from tests.tiny import random_label

CLASSES = {'semseg': 40, 'human_parts': 7}
META = dict(sample_id='0001', ori_shape=(4, 6))


def full_sample() -> MultiTaskDataSample:
    sample = MultiTaskDataSample(metainfo=META)
    for task, row in TASKS.items():
        kind = row.kind
        sample.set_gt(task, random_label(task, (4, 6), CLASSES))
        shape = (kind.components, 4, 6)
        sample.set_pred(task, torch.ones(shape, dtype=kind.pred_dtype))
    return sample


def assert_same(one: MultiTaskDataSample, two: MultiTaskDataSample) -> None:
    assert type(one) is type(two) is MultiTaskDataSample
    assert sorted(one.keys()) == sorted(two.keys())
    assert one.metainfo == two.metainfo
    for task in TASKS:
        assert torch.equal(one.get_gt(task), two.get_gt(task)), task
        assert torch.equal(one.get_pred(task), two.get_pred(task)), task


@pytest.mark.parametrize('task', TASKS)
def test_a_label_lies_in_the_field_of_its_row(task: str) -> None:
    label = random_label(task, (4, 6), CLASSES)
    sample = MultiTaskDataSample()
    assert not sample.has_gt(task)
    sample.set_gt(task, label)
    assert sample.has_gt(task)
    assert not sample.has_pred(task)
    assert getattr(sample, get_task(task).gt_field).data is label
    assert sample.get_gt(task) is label
    assert sample.keys() == [get_task(task).gt_field]


def test_keys_are_the_fields_of_the_table() -> None:
    rows = TASKS.values()
    want = {s.gt_field for s in rows} | {s.pred_field for s in rows}
    assert set(full_sample().keys()) == want


def test_mmseg_reads_it() -> None:
    sample = full_sample()
    assert isinstance(sample, SegDataSample)
    assert sample.gt_sem_seg.data is sample.get_gt('semseg')
    assert sample.get('pred_sem_seg').data is sample.get_pred('semseg')
    sample.seg_logits = PixelData(data=torch.zeros(40, 4, 6))
    assert sample.seg_logits.shape == (4, 6)


@pytest.mark.parametrize(
    'copied',
    [
        lambda s: s.clone(),
        lambda s: s.to('cpu'),
        lambda s: s.cpu(),
        lambda s: s.detach(),
        lambda s: s.new(),
        lambda s: s.numpy().to_tensor(),
        lambda s: copy.deepcopy(s),
        lambda s: pickle.loads(pickle.dumps(s)),
        lambda s: pseudo_collate([dict(data_samples=s)])['data_samples'][0],
    ],
    ids=[
        *('clone', 'to', 'cpu', 'detach', 'new'),
        *('numpy', 'deepcopy', 'pickle', 'collate'),
    ],
)
def test_round_trip(copied: Any) -> None:
    sample = full_sample()
    assert_same(copied(sample), sample)


REFUSED = {
    'misspelt': ('gt_seg_sem', PixelData(data=torch.zeros(1, 2, 2).long())),
    'private': ('_gt_depth_map', PixelData(data=torch.zeros(1, 2, 2))),
    'bare tensor': ('gt_depth_map', torch.zeros(1, 2, 2)),
    'no data': ('gt_depth_map', PixelData(depth=torch.zeros(1, 2, 2))),
    'float ids': ('gt_sem_seg', PixelData(data=torch.zeros(1, 2, 2))),
    'uint8 ids': ('gt_edge_map', PixelData(data=torch.zeros(1, 2, 2).byte())),
    'integer depth': (
        'gt_depth_map',
        PixelData(data=torch.zeros(1, 2, 2).long()),
    ),
    'integer array': ('gt_normals', PixelData(data=np.zeros((3, 2, 2), int))),
    'two channels': ('gt_normals', PixelData(data=torch.zeros(2, 2, 2))),
    'class scores': (
        'pred_sem_seg',
        PixelData(data=torch.zeros(40, 2, 2).long()),
    ),
    'id as float': ('pred_human_parts', PixelData(data=torch.zeros(1, 2, 2))),
    'id as edge': (
        'pred_edge_map',
        PixelData(data=torch.zeros(1, 2, 2).long()),
    ),
}


@pytest.mark.parametrize(('name', 'value'), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    'assign',
    [
        setattr,
        lambda sample, name, value: sample.set_data({name: value}),
        lambda _, name, value: MultiTaskDataSample(**{name: value}),
    ],
    ids=['attribute', 'set_data', 'constructor'],
)
def test_refused_without_a_trace(
    name: str, value: Any, assign: Callable[..., Any]
) -> None:
    sample = full_sample()
    before = copy.deepcopy(sample)
    with pytest.raises((AttributeError, TypeError, ValueError), match=name):
        assign(sample, name, value)
    # A field that was registered but not stored would break these.
    assert_same(sample, before)
    assert_same(sample.to('cpu'), before)


def test_the_error_names_the_nearest_field() -> None:
    sample = MultiTaskDataSample()
    with pytest.raises(AttributeError, match="did you mean 'gt_depth_map'"):
        sample.gt_depth = PixelData(data=torch.zeros(1, 2, 2))


def test_half_precision_predictions_are_floats() -> None:
    sample = MultiTaskDataSample()
    sample.set_pred('depth', torch.ones(1, 2, 2, dtype=torch.bfloat16))
    assert sample.get_pred('depth').dtype == torch.bfloat16


def test_metainfo_is_free() -> None:
    sample = MultiTaskDataSample(metainfo=dict(anything=1))
    sample.set_metainfo(dict(zoom=2.0))
    assert sample.metainfo == dict(anything=1, zoom=2.0)


def test_an_unknown_task_is_named() -> None:
    sample = MultiTaskDataSample()
    with pytest.raises(ValueError, match="unknown task 'sal'"):
        sample.set_gt('sal', torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match="unknown task 'sal'"):
        sample.has_gt('sal')


def test_a_missing_map_is_no_silent_none() -> None:
    with pytest.raises(AttributeError, match='gt_edge_map'):
        MultiTaskDataSample().get_gt('edge')
