"""SCA-MTL's head: shapes, symmetries, supervision, refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmmtl.models.losses import flatten_losses
from mmmtl.models.sca_mtl import SequentialCrossAttentionHead
from mmmtl.structures import MultiTaskDataSample
from tests.tiny import CLASSES, NYUD, head_tasks, random_sample

PYRAMID = (12, 24, 36)
THREE = ('semseg', 'depth', 'normals')


def build(
    tasks: Any = THREE, auxiliary: Any = None, **arguments: Any
) -> SequentialCrossAttentionHead:
    defaults = dict(in_channels=PYRAMID, window_size=3)
    head = SequentialCrossAttentionHead(
        tasks=head_tasks(tasks),
        auxiliary_tasks=auxiliary and head_tasks(auxiliary),
        **defaults | arguments,
    )
    for name, parameter in head.named_parameters():
        if name.endswith('bias'):  # zeros would hide a mistake
            nn.init.normal_(parameter, std=0.3)
    return head


def pyramid(channels: Any = PYRAMID, batch: int = 2) -> list[Tensor]:
    """Levels of an image of 50x70: no size is twice the next one's."""
    sizes = ((13, 18), (7, 9), (4, 5), (2, 3))
    return [
        torch.randn(batch, c, *size)
        for c, size in zip(channels, sizes, strict=False)
    ]


def samples(tasks: Any, batch: int = 2) -> list[MultiTaskDataSample]:
    return [random_sample(tasks, (50, 70)) for _ in range(batch)]


@pytest.mark.parametrize('channels', [(12, 24), PYRAMID, (8, 12, 16, 24)])
def test_any_pyramid_at_any_size(channels: tuple) -> None:
    head = build(in_channels=channels).eval()
    logits, initial = head.forward_with_auxiliary(pyramid(channels))
    assert list(logits) == list(THREE)
    widths = {'semseg': CLASSES['semseg'], 'depth': 1, 'normals': 3}
    for task, maps in logits.items():
        assert maps.shape == (2, widths[task], 13, 18)
        assert maps.isfinite().all()
    assert list(initial) == [f'scale_{k}' for k in range(len(channels))]
    for level, own in enumerate(pyramid(channels)):
        for task, maps in initial[f'scale_{level}'].items():
            assert maps.shape == (2, widths[task], *own.shape[2:])


@pytest.mark.parametrize(
    ('channels', 'width'),
    [
        ((36, 72, 144, 288), 1080),  # the released number
        (PYRAMID, 4 * 12 + 2 * 24 + 36),
        ((8, 12), 2 * 8 + 12),
    ],
)
def test_the_final_width_follows_from_the_pyramid(
    channels: tuple, width: int
) -> None:
    with torch.device('meta'):
        head = SequentialCrossAttentionHead(
            tasks=head_tasks(THREE), in_channels=channels
        )
    for aggregation in head.aggregations.values():
        assert aggregation.linear.weight.shape == (width, width)
        assert aggregation.classifier.in_channels == width


def mirrored(head: SequentialCrossAttentionHead) -> dict[str, Tensor]:
    """Return the weights for the same head with its tasks in reverse.

    Tasks are concatenated in the propagation, and sources in the fusion; in
    both, blocks of channels trade places.
    """
    tasks, state = len(head.tasks), head.state_dict()
    for key, tensor in state.items():
        if re.search(r'fusion\.all\.(entry|shortcut)\.0\.weight', key):
            state[key] = reverse(tensor, tasks - 1, 1)
        elif re.search(r'propagations\.\d\.shared\.(entry|shortcut)\.0', key):
            state[key] = reverse(tensor, tasks, 1)
        elif 'propagations' in key and 'attention.blocks' not in key:
            if 'squeezes' in key or 'shared' in key:
                continue
            # embed, embed_norm and norm of the stage
            state[key] = reverse(tensor, tasks, 0)
            if key.endswith('embed.weight'):
                state[key] = reverse(state[key], tasks, 1)
        elif re.search(r'propagations.*blocks\.0\.norm', key):
            state[key] = reverse(tensor, tasks, 0)
        elif key.endswith('qkv.weight') and 'propagations' in key:
            state[key] = reverse(tensor, tasks, 1)
        elif re.search(r'propagations.*proj\.', key):
            state[key] = reverse(tensor, tasks, 0)
    return state


def reverse(tensor: Tensor, blocks: int, axis: int) -> Tensor:
    return torch.cat(tensor.chunk(blocks, dim=axis)[::-1], dim=axis)


@pytest.mark.parametrize('view', ['channel_major', 'task_major'])
def test_permuting_the_tasks_permutes_the_outputs(view: Any) -> None:
    """Channels divide by the tasks, so groups of 3 stay within a task."""
    head = build(fpma_view=view).double().eval()
    other = build(THREE[::-1], fpma_view=view).double().eval()
    other.load_state_dict(
        mirrored(head) | other.task_order.state_dict(prefix='task_order.'),
        strict=True,
    )
    inputs = [level.double() for level in pyramid()]
    want, want_initial = head.forward_with_auxiliary(inputs)
    found, initial = other.forward_with_auxiliary(inputs)
    assert list(found) == list(THREE[::-1])
    for task in THREE:
        assert torch.allclose(found[task], want[task], atol=1e-9), task
        for scale in initial:
            assert torch.allclose(
                initial[scale][task], want_initial[scale][task], atol=1e-9
            ), (scale, task)


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(fpma_view='task_major'),
        dict(ctam_fusion='per_task'),
        dict(channels=(8, 12, 16)),
        dict(norm_cfg=dict(type='GN', num_groups=2)),
    ],
)
@pytest.mark.parametrize('auxiliary', [None, ('edge',)])
def test_every_parameter_has_a_gradient(options: Any, auxiliary: Any) -> None:
    head = build(auxiliary=auxiliary, **options).train()
    tasks = THREE + (auxiliary or ())
    sum(
        flatten_losses(head.loss(pyramid(), samples(tasks))).values()
    ).backward()
    missing = [n for n, p in head.named_parameters() if p.grad is None]
    assert missing == []


def test_inference_computes_no_initial_prediction() -> None:
    head = build().eval()
    for scale in head.scales:
        for layer in scale.predictions.values():
            layer.register_forward_hook(lambda *_: pytest.fail('computed'))
    head(pyramid())
    head.predict(pyramid(), (50, 70))


def test_losses_of_all_scales_by_name() -> None:
    losses = flatten_losses(
        build(('semseg', 'depth')).loss(
            pyramid(), samples(('semseg', 'depth'))
        )
    )
    assert list(losses) == [
        'semseg.loss_ce',
        'semseg.scale_0.loss_ce',
        'semseg.scale_1.loss_ce',
        'semseg.scale_2.loss_ce',
        'depth.loss_l1',
        'depth.scale_0.loss_l1',
        'depth.scale_1.loss_l1',
        'depth.scale_2.loss_l1',
    ]


def test_auxiliary_tasks_are_supervised_and_not_predicted() -> None:
    head = build(('depth',), ('normals', 'edge'))
    assert head.tasks == ('depth',)
    assert head.supervised_tasks == ('depth', 'normals', 'edge')
    logits, initial = head.forward_with_auxiliary(pyramid())
    assert list(logits) == ['depth']
    assert list(initial['scale_1']) == ['depth', 'normals', 'edge']
    labels = samples(('depth', 'normals', 'edge'))
    losses = flatten_losses(head.loss(pyramid(), labels))
    edges = [name for name in losses if name.startswith('edge')]
    assert edges == [f'edge.scale_{k}.loss_balanced' for k in range(3)]
    # Without their labels nothing breaks, and they count as 0.
    losses = flatten_losses(head.loss(pyramid(), samples(('depth',))))
    assert losses['edge.scale_0.loss_balanced'] == 0
    assert losses['depth.scale_0.loss_l1'] > 0


def test_auxiliary_tasks_inform_the_main_ones() -> None:
    head = build(('depth',), ('edge',)).eval()
    inputs = pyramid()
    before = head(inputs)['depth']
    with torch.no_grad():
        head.scales[0].blocks['edge'][1].exit[1].bias.add_(1.0)
    assert not torch.allclose(head(inputs)['depth'], before)
    # At the finest level nobody would read what they get from others.
    assert head.interactions[0].targets == ('depth',)
    assert head.interactions[1].targets == ('depth', 'edge')


def test_recomputing_changes_no_gradient() -> None:
    head, inputs = build(('semseg', 'depth')), pyramid()
    labels = samples(('semseg', 'depth'))
    gradients = []
    for head.with_cp in (False, True):
        head.zero_grad()
        sum(flatten_losses(head.loss(inputs, labels)).values()).backward()
        gradients.append([p.grad.clone() for p in head.parameters()])
    for plain, again in zip(*gradients, strict=True):
        assert torch.allclose(plain, again, atol=1e-6)


def test_projected_levels_have_the_given_widths() -> None:
    widths = (8, 12, 16)
    head = build(channels=widths).eval()
    assert head.channels == widths
    inputs = pyramid()
    features, _ = head._exchange(inputs)
    for level, width in enumerate(widths):
        assert features[level]['depth'].shape[1] == width
        assert head.projections[level].in_channels == PYRAMID[level]
    assert not list(build().projections.parameters())


def test_biases_of_all_predictions_start_as_told() -> None:
    tasks = head_tasks(('depth', 'edge'))
    tasks['depth']['initial_bias'] = 2.5
    head = SequentialCrossAttentionHead(tasks=tasks, in_channels=PYRAMID)
    for name, parameter in head.named_parameters():
        if re.search(r'(classifier|predictions\.\w+)\.bias', name):
            want = 2.5 if 'depth' in name else 0.0
            assert (parameter == want).all(), name


def test_an_image_does_not_depend_on_its_batch() -> None:
    head, inputs = build().eval(), pyramid()
    both, alone = head(inputs), head([level[:1] for level in inputs])
    for task in THREE:
        assert torch.allclose(both[task][:1], alone[task], atol=1e-5), task


def test_half_precision_is_finite() -> None:
    head = build().eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = head(pyramid())
    assert all(maps.isfinite().all() for maps in found.values())


def test_another_pyramid_does_not_pass() -> None:
    """The released configuration names half of the channels."""
    with pytest.raises((ValueError, RuntimeError)):
        build(in_channels=(4, 12, 16))(pyramid())
    with pytest.raises((ValueError, RuntimeError)):
        build()(pyramid()[:2])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            dict(tasks=('depth',)),
            r"Head needs 2 tasks, found \['depth'\]: add a task",
        ),
        (
            dict(auxiliary=('depth', 'edge')),
            r"auxiliary_tasks names \['depth'\], .*: leave them out",
        ),
        (dict(fpma_view='rows'), r"fpma_view='rows': give one of"),
        (dict(ctam_fusion='none'), r"ctam_fusion='none': give one of"),
    ],
)
def test_refusals(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**arguments)


def test_nyud_s_four_tasks_at_the_default_window() -> None:
    head = build(NYUD, window_size=7).eval()
    assert list(head(pyramid())) == list(NYUD)
