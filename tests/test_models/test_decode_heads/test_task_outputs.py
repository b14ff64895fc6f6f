from __future__ import annotations

from typing import Any

import pytest

from mmmtl.models.decode_heads.task_outputs import read_tasks

L1 = dict(type='DepthL1Loss')


def test_order_channels_and_losses_are_read() -> None:
    outputs = read_tasks(
        dict(
            normals=dict(),
            semseg=dict(out_channels=40, loss=dict(type='A')),
            depth=dict(loss=[L1, dict(L1, loss_name='loss_b')]),
            saliency=dict(out_channels=1),
        )
    )
    assert list(outputs) == ['normals', 'semseg', 'depth', 'saliency']
    channels = {task: output.channels for task, output in outputs.items()}
    assert channels == dict(normals=3, semseg=40, depth=1, saliency=1)
    assert outputs['normals'].losses == ()
    assert outputs['semseg'].losses == (dict(type='A'),)
    assert outputs['depth'].losses == (L1, dict(L1, loss_name='loss_b'))
    assert outputs['depth'].initial_bias == 0


def test_initial_bias_is_read() -> None:
    output = read_tasks(dict(depth=dict(initial_bias=2)))['depth']
    assert output.initial_bias == 2.0


@pytest.mark.parametrize(
    ('tasks', 'message'),
    [
        (['depth'], 'give a dictionary such as'),
        ({}, 'tasks is empty'),
        (dict(depht=dict()), "did you mean 'depth'"),
        (dict(depth=dict(out_channel=1)), "did you mean 'out_channels'"),
        (dict(depth=dict(weight=2.0)), "tasks.depth has no key 'weight'"),
        (dict(semseg=dict()), 'semseg.out_channels is missing'),
        (dict(human_parts=dict()), 'human_parts.out_channels is missing'),
        (dict(saliency=dict()), 'saliency.out_channels is missing'),
        (dict(depth=dict(out_channels=2)), 'this task has 1'),
        (dict(normals=dict(out_channels=1)), 'this task has 3'),
        (dict(saliency=dict(out_channels=3)), 'give 2 .softmax. or 1'),
        (dict(semseg=dict(out_channels=0)), 'give 1 or more'),
    ],
)
def test_refused_at_construction(tasks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tasks(tasks)
