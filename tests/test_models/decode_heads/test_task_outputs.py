from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from mmmtl.models.decode_heads.task_outputs import read_tasks

L1 = dict(type='DepthL1Loss')


def test_order_channels_and_losses_are_read() -> None:
    outputs = read_tasks(
        dict(
            normals=dict(),
            semseg=dict(out_channels=40, loss=dict(type='A')),
            depth=dict(loss=[L1, dict(L1, loss_name='loss_b')]),
            saliency=dict(loss=None),
            human_parts=dict(out_channels=7),
        )
    )
    assert list(outputs) == [
        *('normals', 'semseg', 'depth', 'saliency', 'human_parts')
    ]
    channels = {task: output.channels for task, output in outputs.items()}
    assert channels == dict(
        normals=3, semseg=40, depth=1, saliency=1, human_parts=7
    )
    # Left out: what the task's row says. None: no loss.
    assert outputs['normals'].losses == (dict(type='NormalsL1Loss'),)
    assert outputs['saliency'].losses == ()
    assert outputs['semseg'].losses == (dict(type='A'),)
    assert outputs['depth'].losses == (L1, dict(L1, loss_name='loss_b'))
    assert outputs['depth'].initial_bias == 0


def test_initial_bias_is_read() -> None:
    output = read_tasks(dict(depth=dict(initial_bias=2)))['depth']
    assert output.initial_bias == 2.0


def test_logits_are_squashed_where_a_largest_value_is_given() -> None:
    """10 sigmoid(0) = 5; 10 sigmoid(ln 3) = 7.5."""
    outputs = read_tasks(dict(depth=dict(max_value=10), normals=dict()))
    logits = torch.tensor([0.0, math.log(3), -100.0, 100.0])
    found = outputs['depth'].to_values(logits)
    assert torch.allclose(found, torch.tensor([5.0, 7.5, 0.0, 10.0]))
    assert outputs['normals'].to_values(logits) is logits
    assert outputs['normals'].max_value is None


@pytest.mark.parametrize(
    ('tasks', 'message'),
    [
        (
            dict(normals=dict(max_value=1.0)),
            'only outputs that are values on a',
        ),
        (
            dict(semseg=dict(out_channels=3, max_value=1.0)),
            r'tasks.semseg.max_value=1.0: .* leave the key out',
        ),
        (dict(depth=dict(max_value=0)), 'max_value=0: give a finite number'),
        (dict(edges2d=dict(max_value=math.inf)), 'max_value=inf'),
        ({}, 'tasks is empty'),
        (dict(depht=dict()), "did you mean 'depth'"),
        (dict(depth=dict(out_channel=1)), "did you mean 'out_channels'"),
        (
            dict(depth=dict(weights=2.0)),
            "tasks.depth has no key 'weights': did you mean 'weight'",
        ),
        (dict(semseg=dict()), 'semseg.out_channels is missing'),
        (dict(human_parts=dict()), 'human_parts.out_channels is missing'),
        (dict(saliency=dict(out_channels=3)), 'this task has 1 or 2'),
        (dict(depth=dict(out_channels=2)), 'this task has 1'),
        (dict(normals=dict(out_channels=1)), 'this task has 3'),
    ],
)
def test_refused_at_construction(tasks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tasks(tasks)


@pytest.mark.parametrize(
    ('tasks', 'message'),
    [
        (dict(semseg={}), '^auxiliary_tasks.semseg.out_channels is missing'),
        (dict(depth=dict(los=1)), '^auxiliary_tasks.depth has no key'),
        (
            dict(normals=dict(max_value=1.0)),
            r'^auxiliary_tasks.normals.max_value=1.0: only',
        ),
    ],
)
def test_errors_name_the_argument(tasks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tasks(tasks, name='auxiliary_tasks')
