"""The layout of the head: sizes, kinds of blocks, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mmmtl.models.mult import SharedAttentionHead
from tests.test_models.mult.shared_attention import (
    DEA1,
    PAPER,
    SCA1,
    SIX,
    SIZES,
    SWIN_L,
    UNSHARED,
    build,
    pyramid,
)


def on_meta(tasks: Any, **arguments: Any) -> int:
    """Number of parameters, without memory for them."""
    with torch.device('meta'):
        head = SharedAttentionHead(tasks=tasks, **arguments)
    return sum(parameter.numel() for parameter in head.parameters())


def test_size_of_the_released_decoders() -> None:
    """Measured on the released modules: SCA1 exactly, DEA1 in millions."""
    semseg = dict(semseg=dict(out_channels=41))
    assert on_meta(semseg, in_channels=SWIN_L, blocks=SCA1) == 76_869_437
    found = on_meta(semseg | dict(depth={}), in_channels=SWIN_L, blocks=DEA1)
    assert round(found / 1e6, 2) == 141.16


@pytest.mark.parametrize('finest', [96, 128, 192])
@pytest.mark.parametrize('tasks', [1, 2, 4, 6])
def test_sizes_in_closed_form(finest: int, tasks: int) -> None:
    """With d channels and h = d / 32 heads in a stage, T tasks.

    A map: query and key 2 d^2 + 2 d, bias 169 h. The rest of a block, per
    task: 10 d^2 + 11 d. Upsampling, per task: 2 d + d^2 / 2.
    """
    in_channels = [finest * 2**level for level in range(4)]
    maps = {d: 2 * d * d + 2 * d + 169 * d // 32 for d in in_channels}
    rest = {d: 10 * d * d + 11 * d for d in in_channels}
    up = sum(2 * d + d * d // 2 for d in in_channels[1:])
    config = {task: {} for task in SIX[1 : tasks + 1]}
    if tasks == 6:
        config = {'semseg': dict(out_channels=17)} | {t: {} for t in SIX[1:]}
    outputs = [3 if t == 'normals' else 1 for t in config]
    if tasks == 6:
        outputs[0] = 17
    common = tasks * (2 * sum(rest.values()) + up) + sum(
        (finest + 1) * k for k in outputs
    )
    every = sum(maps.values())
    for blocks, number in (
        (PAPER, tasks + 1),
        (SCA1, tasks + 1),
        (DEA1, 2),
        (('private_skip', 'private_skip'), 2 * tasks),
        (UNSHARED, 2 * tasks),
    ):
        found = on_meta(config, in_channels=in_channels, blocks=blocks)
        assert found == common + number * every, blocks


@pytest.mark.parametrize(
    ('tasks', 'given', 'want'),
    [
        (('semseg', 'depth', 'normals'), None, 'normals'),
        (('semseg', 'depth', 'edge'), None, 'depth'),
        (('edge', 'semseg'), None, 'edge'),
        (('semseg', 'depth', 'normals'), 'semseg', 'semseg'),
    ],
)
def test_reference_task(tasks: Any, given: Any, want: str) -> None:
    head = build(tasks, reference_task=given, blocks=DEA1)
    assert head.reference_task == want
    for stage in head.stages:
        assert stage.blocks[0]['shared'].reference is None
        assert stage.blocks[1]['shared'].reference == want


def test_a_list_of_kinds_per_stage() -> None:
    blocks = [
        ['private'],
        ['shared_skip', 'private'],
        ['shared_stream', 'private_skip'],
        PAPER,
    ]
    head = build(blocks=blocks).eval()
    found = [
        ['shared' in groups for groups in stage.blocks]
        for stage in head.stages
    ]
    assert found == [[False], [True, False], [True, False], [False, True]]
    assert [stage.blocks[0].keys() == {'shared'} for stage in head.stages] == [
        False,
        True,
        True,
        False,
    ]
    assert head(pyramid())['edge'].shape == (2, 1, *SIZES[0])


@pytest.mark.parametrize('ratio', [0.25, 1.5, 3])
def test_the_mlps_have_the_configured_width(ratio: float) -> None:
    head = build(mlp_ratio=ratio)
    for stage, channels in zip(head.stages, (32, 16, 8, 4), strict=True):
        for groups in stage.blocks:
            for block in groups.values():
                for layers in block.streams.values():
                    assert layers.mlp[0].out_features == ratio * channels
                    assert layers.mlp[2].in_features == ratio * channels


@pytest.mark.parametrize('kind', ['private', 'shared_stream'])
def test_only_the_coarsest_stage_need_not_read_the_encoder(kind: str) -> None:
    """Whatever feeds a level alone would get no gradient."""
    build(blocks=[[kind], PAPER, PAPER, PAPER])
    for stage in (1, 2, 3):
        blocks = [PAPER] * 4
        blocks[stage] = (kind, 'private')
        with pytest.raises(
            ValueError, match=rf"stage {stage} .*{kind}.*put 'private_skip'"
        ):
            build(blocks=blocks)


def test_windows_shift_from_block_to_block() -> None:
    head = build(blocks=['private', 'shared_skip', 'private'], window_size=5)
    for stage in head.stages:
        for index, groups in enumerate(stage.blocks):
            for block in groups.values():
                assert block.shift == (2 if index == 1 else 0)


def test_stochastic_depth_grows_evenly() -> None:
    head = build(drop_path_rate=0.7)
    rates = []
    for stage in head.stages:
        for groups in stage.blocks:
            (rate,) = {
                getattr(layers.drop_path, 'drop_prob', 0.0)
                for block in groups.values()
                for layers in block.streams.values()
            }
            rates.append(rate)
    assert rates == pytest.approx([0.1 * n for n in range(8)])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(blocks=('private', 'private')), "stage 1 .*'private_skip'"),
        (dict(blocks=('shared_stream',)), "stage 1 .*'private_skip'"),
        (dict(blocks=[PAPER, PAPER, [], PAPER]), r"stage 2 .*'private_skip'"),
        (dict(blocks=['private', 'shared']), "blocks='shared': give one of"),
        (dict(blocks='private'), "blocks='p': give one of"),
        (dict(blocks=[PAPER, PAPER]), 'shorter than'),
        (dict(num_heads=[1, 2, 4]), 'shorter than|longer than'),
        (dict(with_cp=[True]), 'shorter than'),
        (dict(drop_path_rate=1.0), 'drop_path_rate=1.0: give a share'),
        (dict(drop_path_rate=-0.1), 'drop_path_rate=-0.1: give a share'),
    ],
)
def test_refused_at_construction(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**arguments)


@pytest.mark.parametrize('wrong', [pyramid()[:3], pyramid()[::-1]])
def test_another_pyramid_does_not_pass(wrong: Any) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        build()(wrong)


@pytest.mark.parametrize(
    'arguments',
    [
        dict(in_channels=[4, 8, 16, 30]),
        dict(num_heads=[1, 2, 3, 4]),
        dict(
            reference_task='saliency', blocks=['private_skip', 'shared_stream']
        ),
    ],
)
def test_a_layout_that_does_not_fit_does_not_pass(arguments: Any) -> None:
    with pytest.raises((ValueError, RuntimeError, KeyError)):
        build(**arguments)(pyramid())
