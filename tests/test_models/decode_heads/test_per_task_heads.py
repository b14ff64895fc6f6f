"""The baselines' head: published wiring, and mmseg's heads in its place."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.decode_heads import FCNHead

from mmmtl.models.decode_heads import PerTaskHeads
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import demt, head_tasks, random_batch

PYRAMID = [8, 16, 32, 64]
FCN = dict(
    type='FCNHead',
    in_channels=PYRAMID,
    in_index=[0, 1, 2, 3],
    input_transform='resize_concat',
    channels=30,
    num_convs=1,
    concat_input=False,
    dropout_ratio=0.0,
    norm_cfg=dict(type='BN'),
)


def pyramid() -> list[torch.Tensor]:
    sizes = [(16, 20), (8, 10), (4, 5), (2, 3)]
    return [
        torch.randn(2, c, *size)
        for c, size in zip(PYRAMID, sizes, strict=True)
    ]


def make(**changes: Any) -> PerTaskHeads:
    config = dict(
        type='PerTaskHeads',
        tasks=head_tasks(('semseg', 'depth')),
        in_channels=PYRAMID,
    )
    return build_in_scope(MODELS, config | changes)


def test_equals_mmsegs_head_with_the_same_weights() -> None:
    """The foreign reference: FCN over the concatenated pyramid."""
    ours = make().eval()
    theirs = FCNHead(
        **{k: v for k, v in FCN.items() if k != 'type'}, num_classes=5
    ).eval()
    decoder = ours.decoders['semseg']
    conv = theirs.convs[0]
    conv.conv.load_state_dict(decoder.bottleneck[0].state_dict())
    for norm in (decoder.bottleneck[1], conv.bn):
        norm.running_mean.fill_(0.3)
        norm.running_var.fill_(2.0)
    theirs.conv_seg.load_state_dict(decoder.classifier.state_dict())
    features = pyramid()
    assert decoder.bottleneck[0].out_channels == sum(PYRAMID) // 4
    torch.testing.assert_close(
        ours(features)['semseg'], theirs(features), rtol=0, atol=1e-5
    )


def test_a_task_does_not_touch_the_others() -> None:
    head, features = make(), pyramid()
    head(features)['depth'].sum().backward()
    assert all(p.grad is None for p in head.decoders['semseg'].parameters())
    assert all(p.grad is not None for p in head.decoders['depth'].parameters())


def test_initial_values() -> None:
    tasks = head_tasks(('semseg', 'depth'))
    tasks['depth']['initial_bias'] = 3.4
    head = make(tasks=tasks, channels=512)
    last = head.decoders['depth'].classifier
    assert last.bias.tolist() == [pytest.approx(3.4)]
    # 512 * 5 draws: the estimate of a standard deviation is 1.4 % off.
    weight = head.decoders['semseg'].classifier.weight
    assert weight.std().item() == pytest.approx(0.01, rel=0.08)


def test_heads_of_mmseg_beside_ours() -> None:
    """Trains and predicts; mmseg's own loss has no part in it."""
    heads = dict(semseg=FCN, depth=FCN)
    config = demt(('semseg', 'depth', 'normals'))
    config.pop('neck')
    config['decode_head'] = dict(
        type='PerTaskHeads',
        tasks=head_tasks(('semseg', 'depth', 'normals')),
        in_channels=PYRAMID,
        heads=heads,
    )
    model = build_in_scope(MODELS, config)
    data = model.data_preprocessor(random_batch(model.tasks), True)
    losses = model(**data, mode='loss')
    assert losses.keys() == {
        'semseg.loss_ce',
        'depth.loss_l1',
        'normals.loss_l1',
    }
    sum(losses.values()).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
    logits = model.eval()(data['inputs'], mode='tensor')
    assert {t: v.shape[1] for t, v in logits.items()} == dict(
        semseg=5, depth=1, normals=3
    )
    head = model.decode_head.decoders['semseg'].head
    features = model.extract_feat(data['inputs'])
    expected = F.interpolate(
        head(features), data['inputs'].shape[-2:], mode='bilinear'
    )
    torch.testing.assert_close(logits['semseg'], expected)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(heads=dict(detph=FCN)), "did you mean 'depth'"),
        (
            dict(heads=dict(depth=FCN | dict(num_classes=3))),
            r"heads.depth sets \['num_classes'\]",
        ),
        (
            dict(heads=dict(depth=dict(type='SwinTransformer'))),
            'num_classes',
        ),
    ],
)
def test_bad_configs_are_refused(changes: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make(**changes)


def test_a_head_of_mmseg_starts_at_the_bias() -> None:
    tasks = head_tasks(('depth',))
    plain = make(tasks=tasks, heads=dict(depth=FCN)).eval()
    tasks['depth']['initial_bias'] = 3.0
    biased = make(tasks=tasks, heads=dict(depth=FCN)).eval()
    biased.load_state_dict(plain.state_dict())
    levels = pyramid()
    torch.testing.assert_close(
        biased(levels)['depth'], plain(levels)['depth'] + 3
    )


def test_another_pyramid_does_not_pass() -> None:
    with pytest.raises(RuntimeError, match='120 channels, but got 24'):
        make()(pyramid()[:2])
