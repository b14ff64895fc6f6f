"""The losses give the numbers of SCA-MTL's released code.

``tests/data/sca_losses`` holds seeds, labels and values recorded from
kimsunkyung/SCA_MTL at 8214866: every initial prediction, every final one,
and the weighted total of its deep supervision.
"""

from __future__ import annotations

import pytest

from mmmtl.models.decode_heads import BaseMultiTaskHead
from mmmtl.models.losses import (
    BalancedSaliencyLoss,
    TaskLosses,
    flatten_losses,
)
from mmmtl.models.weighting import FixedWeighting
from mmmtl.structures import MultiTaskDataSample
from tests.sca_fixture import SETS, SPEC, label, our_name, prediction


def recipe(task: str, pos_weight: float | None) -> dict:
    """The loss of a task as SCA-MTL defines it."""
    return {
        'semseg': dict(type='SegCrossEntropyLoss'),
        'human_parts': dict(type='SegCrossEntropyLoss'),
        'depth': dict(type='DepthL1Loss'),
        'normals': dict(type='NormalsL1Loss', average='elements'),
        'sal': dict(type='BalancedSaliencyLoss'),
        'edge': dict(type='BalancedEdgeLoss', pos_weight=pos_weight),
    }[task]


class Recorded(BaseMultiTaskHead):
    """Gives the fixture's predictions, whatever comes in."""

    maps: dict

    def forward(self, inputs: None) -> dict:
        return self.maps['final']

    def forward_with_auxiliary(self, inputs: None) -> tuple[dict, dict]:
        scales = {k: v for k, v in self.maps.items() if k != 'final'}
        return self.maps['final'], scales


def losses_of(name: str) -> TaskLosses:
    case = SPEC[name]
    head = Recorded(
        tasks={
            our_name(task): dict(
                loss=recipe(task, case['edge_pos_weight']),
                out_channels=channels,
            )
            for task, channels in case['tasks'].items()
        }
    )
    head.maps = {}
    for key, description in case['predictions'].items():
        scale, task = key.split('/')
        maps = head.maps.setdefault(scale, {})
        maps[our_name(task)] = prediction(description)
    samples = []
    for index in range(case['batch'][0]):
        sample = MultiTaskDataSample()
        for task in case['tasks']:
            sample.set_gt(our_name(task), label(name, task)[index])
        samples.append(sample)
    return head.loss(None, samples)


@pytest.mark.parametrize('name', SETS)
def test_every_scale_and_the_total(name: str) -> None:
    case, losses = SPEC[name], losses_of(name)
    found = flatten_losses(losses)
    for task in case['tasks']:
        ours = our_name(task)
        names = {key for key in found if key.startswith(f'{ours}.')}
        for scale in ('scale_0', 'scale_1', 'scale_2', 'scale_3', ''):
            prefix = f'{ours}.{scale}.' if scale else f'{ours}.loss'
            (key,) = [k for k in names if k.startswith(prefix)]
            want = case['losses'][f'{scale}_{task}' if scale else task]
            assert found[key].item() == pytest.approx(want, rel=2e-6), key
    weighting = FixedWeighting(
        weights={our_name(t): w for t, w in case['weights'].items()}
    )
    total = sum(flatten_losses(weighting(losses)).values())
    assert total.item() == pytest.approx(case['losses']['total'], rel=2e-6)


@pytest.mark.parametrize(
    ('options', 'key'),
    [
        ({}, 'correct_port'),
        (dict(unlabelled='foreground'), 'official'),
    ],
)
def test_saliency_with_pixels_without_label(options: dict, key: str) -> None:
    """By default they are left out; the released code takes them for 1."""
    case = SPEC['sal_with_255']
    target = label('sal_with_255/label', 'sal')
    assert (target == 255).any()
    found = BalancedSaliencyLoss(**options)(
        prediction(case['prediction']), target
    )
    assert found.item() == pytest.approx(case[key], rel=2e-6)
