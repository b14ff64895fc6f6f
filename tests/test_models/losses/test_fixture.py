"""The losses give the numbers of the authors' code.

``tests/data/losses_metrics`` holds inputs, values, gradient sums and corner
cases recorded from yangyangxu0/DeMT at b638e14.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mmmtl.models.losses import (
    BalancedEdgeLoss,
    BalancedSaliencyLoss,
    BaseTaskLoss,
    DepthL1Loss,
    NormalsL1Loss,
    SegCrossEntropyLoss,
    flatten_losses,
)
from mmmtl.models.weighting import FixedWeighting
from mmmtl.tasks import get_task

DATA = Path(__file__).parents[2] / 'data'
SPEC = json.loads((DATA / 'losses_metrics.json').read_text())
ARRAYS = np.load(DATA / 'losses_metrics.npz')
POS_WEIGHT = {'nyud': 0.8, 'pascal': 0.95}
CASES = [
    (dataset, task)
    for dataset in ('nyud', 'pascal')
    for task in SPEC[dataset]['tasks']
]


def mmmtl_name(task: str) -> str:
    return 'saliency' if task == 'sal' else task


def build_loss(dataset: str, task: str) -> BaseTaskLoss:
    if task == 'edge':
        return BalancedEdgeLoss(pos_weight=POS_WEIGHT[dataset])
    return {
        'semseg': SegCrossEntropyLoss,
        'human_parts': SegCrossEntropyLoss,
        'sal': BalancedSaliencyLoss,
        'normals': NormalsL1Loss,
        'depth': DepthL1Loss,
    }[task]()


def decode_label(task: str, label: np.ndarray | Tensor) -> Tensor:
    """Map the authors' 255 of depth and normals to our "no label"."""
    kind = get_task(mmmtl_name(task)).kind
    label = torch.as_tensor(label).to(kind.dtype)
    if task in ('depth', 'normals'):
        ignored = (label == 255).any(dim=1, keepdim=True)
        label = label.masked_fill(ignored, kind.no_label)
    return label


def load(dataset: str, task: str) -> tuple[Tensor, Tensor]:
    logits = torch.from_numpy(ARRAYS[f'{dataset}/pred/{task}']).float()
    label = decode_label(task, ARRAYS[f'{dataset}/label/{task}'])
    return logits.requires_grad_(), label


@pytest.mark.parametrize(('dataset', 'task'), CASES)
def test_value(dataset: str, task: str) -> None:
    logits, label = load(dataset, task)
    loss = build_loss(dataset, task)
    want = SPEC[dataset]
    assert loss(logits, label).item() == pytest.approx(
        want['loss'][task], rel=2e-6
    )
    assert loss(logits.double(), label).item() == pytest.approx(
        want['loss_float64'][task], rel=1e-7
    )


@pytest.mark.parametrize(('dataset', 'task'), CASES)
def test_gradient_sum(dataset: str, task: str) -> None:
    logits, label = load(dataset, task)
    build_loss(dataset, task)(logits, label).backward()
    assert logits.grad.double().abs().sum().item() == pytest.approx(
        SPEC[dataset]['gradient_abs_sum'][task], rel=1e-5
    )


@pytest.mark.parametrize(('dataset', 'task'), CASES)
def test_first_image_only(dataset: str, task: str) -> None:
    """The batch normaliser of one image is that image's own."""
    logits, label = load(dataset, task)
    assert build_loss(dataset, task)(
        logits[:1], label[:1]
    ).item() == pytest.approx(
        SPEC[dataset]['loss_first_image_only'][task], rel=2e-6
    )


@pytest.mark.parametrize('dataset', ['nyud', 'pascal'])
def test_total(dataset: str) -> None:
    weights = SPEC[dataset]['loss_weights']
    weighting = FixedWeighting(
        weights={mmmtl_name(task): w for task, w in weights.items()}
    )
    losses = {
        mmmtl_name(task): {
            'loss_x': build_loss(dataset, task)(*load(dataset, task))
        }
        for task in weights
    }
    total = sum(flatten_losses(weighting(losses)).values())
    assert total.item() == pytest.approx(SPEC[dataset]['total'], rel=2e-6)


@pytest.mark.parametrize(
    ('task', 'channels', 'labels', 'case', 'key'),
    [
        ('edge', 1, 255, 'edge_no_valid_pixel', 'correct_port'),
        ('normals', 3, 255, 'normals_no_valid_pixel', 'official'),
        ('depth', 1, 255, 'depth_no_valid_pixel', 'official'),
        ('semseg', 5, 255, 'semseg_no_valid_pixel', 'official'),
        ('sal', 2, 255, 'sal_no_valid_pixel', 'correct_port'),
        ('sal', 2, 0, 'sal_all_background', 'official'),
        ('sal', 2, 1, 'sal_all_foreground', 'official'),
    ],
)
def test_degenerate(
    task: str, channels: int, labels: int, case: str, key: str
) -> None:
    logits = torch.zeros(1, channels, 4, 4)
    label_channels = get_task(mmmtl_name(task)).kind.components
    label = decode_label(task, torch.full((1, label_channels, 4, 4), labels))
    value = build_loss('nyud', task)(logits, label)
    assert value.item() == SPEC['degenerate'][case][key]
