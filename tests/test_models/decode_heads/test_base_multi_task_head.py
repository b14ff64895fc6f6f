from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.decode_heads import BaseMultiTaskHead
from mmmtl.models.losses import flatten_losses
from mmmtl.structures import MultiTaskDataSample
from tests.tiny import LOSSES, head_tasks, random_sample

SIZE = (8, 12)


class PlainHead(BaseMultiTaskHead):
    """A 1x1 convolution per task."""

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        auxiliary_tasks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(tasks=tasks, auxiliary_tasks=auxiliary_tasks)
        self.convs = nn.ModuleDict(
            {
                task: nn.Conv2d(4, output.channels, 1)
                for task, output in self.outputs.items()
            }
        )

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        return {task: conv(inputs) for task, conv in self.convs.items()}


class DeepHead(PlainHead):
    """Supervises an intermediate map of depth, too."""

    def forward_with_auxiliary(
        self, inputs: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        logits = self.forward(inputs)
        return logits, {'initial': {'depth': logits['depth'][..., ::2, ::2]}}


def features() -> Tensor:
    return torch.randn(2, 4, 4, 6)


def test_losses_are_those_of_the_resized_logits() -> None:
    head = PlainHead(tasks=head_tasks(LOSSES))
    samples = [random_sample(LOSSES, SIZE) for _ in range(2)]
    inputs = features()
    losses = flatten_losses(head.loss(inputs, samples))
    assert list(losses) == [
        'semseg.loss_ce',
        'depth.loss_l1',
        'normals.loss_l1',
        'edge.loss_balanced',
        'saliency.loss_balanced',
        'human_parts.loss_ce',
        'reshading.loss_l1',
        'keypoints2d.loss_l1',
        'edges2d.loss_l1',
    ]
    logits = {
        task: F.interpolate(maps, SIZE, mode='bilinear', align_corners=False)
        for task, maps in head(inputs).items()
    }
    labels = torch.stack([sample.get_gt('semseg') for sample in samples])
    want = F.cross_entropy(logits['semseg'], labels[:, 0])
    assert torch.allclose(losses['semseg.loss_ce'], want)
    labels = torch.stack([sample.get_gt('depth') for sample in samples])
    want = (logits['depth'] - labels).abs().mean()
    assert torch.allclose(losses['depth.loss_l1'], want)


def test_losses_read_squashed_values_and_forward_gives_logits() -> None:
    """Metres are squashed at the label's size, not before the resizing."""
    tasks = head_tasks(['depth'])
    plain = PlainHead(tasks=tasks)
    tasks['depth'] = dict(tasks['depth'], max_value=4.0)
    squashed = PlainHead(tasks=tasks)
    squashed.load_state_dict(plain.state_dict())
    inputs = features()
    samples = [random_sample(['depth'], SIZE) for _ in range(2)]
    logits = squashed.predict(inputs, SIZE)['depth']
    assert torch.equal(logits, plain.predict(inputs, SIZE)['depth'])
    label = torch.stack([sample.get_gt('depth') for sample in samples])
    want = (4 * logits.sigmoid() - label).abs().mean()
    found = squashed.loss(inputs, samples)['depth']['loss_l1']
    assert torch.allclose(found, want)


@pytest.mark.parametrize('auxiliary', [False, True])
def test_a_loss_of_logarithms_needs_a_largest_value(auxiliary: bool) -> None:
    log = dict(type='DepthLogLoss')
    depth = dict(depth=dict(loss=[dict(LOSSES['depth']), log]))
    edge = head_tasks(['edge'])

    def build(tasks: Any) -> PlainHead:
        if auxiliary:
            return PlainHead(tasks=edge, auxiliary_tasks=tasks)
        return PlainHead(tasks=tasks)

    with pytest.raises(
        ValueError,
        match=r'tasks.depth.max_value=None.*DepthLogLoss.*max_value=10.0',
    ):
        build(depth)
    depth['depth']['max_value'] = 10.0
    assert len(build(depth).losses['depth']) == 2


def test_a_sample_without_a_task_counts_for_the_others() -> None:
    head = PlainHead(tasks=head_tasks(['depth', 'edge']))
    both, one = (
        random_sample(['depth', 'edge'], SIZE),
        random_sample(['depth'], SIZE),
    )
    inputs = features()
    losses = flatten_losses(head.loss(inputs, [both, one]))
    alone = flatten_losses(head.loss(inputs[:1], [both]))
    assert torch.allclose(
        losses['edge.loss_balanced'], alone['edge.loss_balanced']
    )
    assert not torch.allclose(losses['depth.loss_l1'], alone['depth.loss_l1'])


def test_a_batch_without_labels_has_zero_loss_and_zero_gradients() -> None:
    """Every rank must give every gradient, or DDP waits for ever."""
    head = PlainHead(tasks=head_tasks(LOSSES))
    samples = [MultiTaskDataSample() for _ in range(2)]
    losses = flatten_losses(head.loss(features(), samples))
    assert [loss.item() for loss in losses.values()] == [0.0] * len(LOSSES)
    sum(losses.values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() == 0, name


def test_several_losses_of_a_task() -> None:
    tasks = dict(
        depth=dict(
            loss=[LOSSES['depth'], dict(LOSSES['depth'], loss_name='loss_b')]
        )
    )
    losses = PlainHead(tasks=tasks).loss(
        features(), [random_sample(['depth'], SIZE) for _ in range(2)]
    )
    assert {task: list(values) for task, values in losses.items()} == {
        'depth': ['loss_l1', 'loss_b']
    }
    assert losses['depth']['loss_l1'] == losses['depth']['loss_b'] > 0


def test_two_losses_of_one_name_are_refused() -> None:
    """The second would silently take the place of the first."""
    with pytest.raises(
        ValueError, match=r"tasks.depth.loss: two .* called 'loss_l1'"
    ):
        PlainHead(tasks=dict(depth=dict(loss=[LOSSES['depth']] * 2)))


@pytest.mark.parametrize(
    ('task', 'config', 'message'),
    [
        (
            'semseg',
            dict(out_channels=1, loss=LOSSES['edge']),
            'tasks.semseg.loss: BalancedEdgeLoss is for .* Binary, this one '
            'is Classes: leave the key out for SegCrossEntropyLoss',
        ),
        ('depth', dict(loss=LOSSES['reshading']), 'Scalar, this one is Depth'),
        ('normals', dict(loss=[LOSSES['depth']]), 'Depth, this one is Norm'),
        (
            'saliency',
            dict(out_channels=2, loss=LOSSES['edge']),
            'tasks.saliency.loss: BalancedE.* of 1 channels, but .* has 2',
        ),
    ],
)
def test_a_loss_for_other_maps_is_refused(
    task: str, config: dict, message: str
) -> None:
    """It would take other pixels for labelled, or broadcast, silently."""
    with pytest.raises(ValueError, match=message):
        PlainHead(tasks={task: config})


def test_auxiliary_maps_are_supervised_under_their_name() -> None:
    head = DeepHead(tasks=head_tasks(['depth', 'edge']))
    samples = [random_sample(['depth', 'edge'], SIZE) for _ in range(2)]
    inputs = features()
    losses = flatten_losses(head.loss(inputs, samples))
    assert list(losses) == [
        'depth.loss_l1',
        'depth.initial.loss_l1',
        'edge.loss_balanced',
    ]
    coarse = F.interpolate(
        head(inputs)['depth'][..., ::2, ::2],
        SIZE,
        mode='bilinear',
        align_corners=False,
    )
    labels = torch.stack([sample.get_gt('depth') for sample in samples])
    want = (coarse - labels).abs().mean()
    assert torch.allclose(losses['depth.initial.loss_l1'], want)


class EdgesOnTheWay(PlainHead):
    """Supervises edges at an intermediate map, and predicts none."""

    def forward_with_auxiliary(
        self, inputs: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        return self.forward(inputs), {'initial': {'edge': inputs[:, :1]}}


def test_an_auxiliary_task_has_intermediate_losses_only() -> None:
    head = EdgesOnTheWay(
        tasks=head_tasks(['depth']), auxiliary_tasks=head_tasks(['edge'])
    )
    assert head.tasks == ('depth',)
    assert head.supervised_tasks == ('depth', 'edge')
    inputs = features()
    losses = head.loss(inputs, [random_sample(['depth', 'edge'], SIZE)] * 2)
    assert list(flatten_losses(losses)) == [
        'depth.loss_l1',
        'edge.initial.loss_balanced',
    ]
    # Batches without its labels leave it at 0, and the others as they are.
    without = head.loss(inputs, [random_sample(['depth'], SIZE)] * 2)
    assert without['edge']['initial.loss_balanced'] == 0
    assert without['depth']['loss_l1'] > 0
    assert list(head.predict(inputs, SIZE)) == ['depth']


def test_a_task_is_main_or_auxiliary() -> None:
    with pytest.raises(
        ValueError,
        match=r"auxiliary_tasks names \['edge'\], which are among tasks: lea",
    ):
        PlainHead(
            tasks=head_tasks(['depth', 'edge']),
            auxiliary_tasks=head_tasks(['edge']),
        )


def test_predict_resizes_to_the_input() -> None:
    head = PlainHead(tasks=head_tasks(['normals', 'semseg']))
    inputs = features()
    maps = head.predict(inputs, SIZE)
    assert list(maps) == ['normals', 'semseg']
    for task, logits in head(inputs).items():
        want = F.interpolate(
            logits, SIZE, mode='bilinear', align_corners=False
        )
        assert torch.equal(maps[task], want)
        assert torch.equal(head.predict(inputs, (4, 6))[task], logits)


def test_a_task_without_loss_predicts_and_does_not_train() -> None:
    head = PlainHead(tasks=dict(depth=dict(loss=None)))
    assert head.predict(features(), SIZE)['depth'].shape == (2, 1, *SIZE)
    with pytest.raises(ValueError, match="task 'depth' has no loss: add"):
        head.loss(features(), [random_sample(['depth'], SIZE)] * 2)


def test_the_base_is_abstract() -> None:
    with pytest.raises(TypeError, match='abstract'):
        BaseMultiTaskHead(tasks=dict(depth=dict()))


def test_auxiliary_tasks_need_a_loss_to_train() -> None:
    head = EdgesOnTheWay(
        tasks=head_tasks(['depth']), auxiliary_tasks=dict(edge=dict(loss=[]))
    )
    with pytest.raises(ValueError, match="task 'edge' has no loss: add"):
        head.loss(features(), [random_sample(['depth', 'edge'], SIZE)] * 2)
