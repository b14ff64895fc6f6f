"""Several data sets as one: names, weights, shares, classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from mmmtl.datasets import JointDataset
from mmmtl.datasets.joint import our_data_sets
from mmmtl.registry import DATASETS, build_in_scope
from tests.test_datasets.nyud_folder import write_nyud

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
COLOURS = [[i, 0, 0] for i in range(40)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_nyud(tmp_path / 'nyud')


def nyud(root: Path, tasks: list[str], **more: Any) -> dict[str, Any]:
    return dict(
        type='NYUDv2Dataset',
        data_root=str(root),
        split='train',
        tasks=tasks,
        pipeline=PIPELINE,
    ) | dict(more)


def joint(
    datasets: dict[str, Any], loss_weights: dict[str, Any] | None = None
) -> JointDataset:
    return build_in_scope(
        DATASETS,
        dict(
            type='JointDataset', datasets=datasets, loss_weights=loss_weights
        ),
    )


def test_samples_know_their_set_and_its_weight(root: Path) -> None:
    weights = dict(b=0.5, c=dict(depth=0.1))
    both = joint({name: nyud(root, ['depth']) for name in 'abc'}, weights)
    found = [sample['data_samples'].metainfo for sample in both]
    assert [(i['data_set'], i.get('loss_weight')) for i in found] == [
        ('a', None),
        ('a', None),
        ('b', 0.5),
        ('b', 0.5),
        ('c', {'depth': 0.1}),
        ('c', {'depth': 0.1}),
    ]
    assert [Path(i['img_path']).stem for i in found] == ['0001', '0004'] * 3


def test_views_of_a_sample_know_their_set(root: Path) -> None:
    flips = [dict(type='MultiTaskRandomFlip', prob=p) for p in (0.0, 1.0)]
    pipeline = [
        PIPELINE[0],
        dict(type='TestTimeAug', transforms=[flips, PIPELINE[1:2]]),
    ]
    pipeline[1]['transforms'].append(PIPELINE[2:])
    one = joint(dict(a=nyud(root, ['depth'], pipeline=pipeline)))
    assert [s.data_set for s in one[0]['data_samples']] == ['a', 'a']


def test_a_repeated_set_is_seen_more_often(root: Path) -> None:
    repeated = dict(
        type='RepeatDataset', times=3, dataset=nyud(root, ['depth'])
    )
    both = joint(dict(often=repeated, once=nyud(root, ['semseg'])))
    names = Counter(sample['data_samples'].data_set for sample in both)
    assert names == dict(often=6, once=2)
    assert [part.tasks for part in our_data_sets(both)] == [
        ('depth',),
        ('semseg',),
    ]


def test_classes_are_those_of_the_sets_with_the_labels(root: Path) -> None:
    ours = dict(classes=[f'thing {i}' for i in range(40)], palette=COLOURS)
    other = nyud(root, ['semseg'], metainfo=ours)
    both = joint(dict(a=nyud(root, ['depth']), b=other))
    assert both.metainfo['classes'] == ours['classes']
    assert both.metainfo['palette'] == COLOURS
    with pytest.raises(ValueError, match="other classes of 'semseg'"):
        joint(dict(a=nyud(root, ['semseg']), b=other))


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        (dict(romos=0.5), "loss_weights.romos .* did you mean 'rooms'"),
        (dict(rooms=dict(dpeth=0.5)), 'dpeth'),
        (dict(rooms=-1.0), 'numbers >= 0'),
        (dict(rooms=dict(depth=float('nan'))), 'numbers >= 0'),
    ],
)
def test_bad_weights_are_refused(weights: dict, message: str) -> None:
    data = torch.utils.data.TensorDataset(torch.zeros(1))
    with pytest.raises(ValueError, match=message):
        JointDataset(datasets=dict(rooms=data), loss_weights=weights)
