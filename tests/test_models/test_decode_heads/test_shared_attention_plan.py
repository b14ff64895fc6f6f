"""The layout of the head: sizes, kinds of blocks, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mmmtl.models.mult import SharedAttentionHead
from tests.test_models.test_decode_heads.shared_attention import (
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
        (
            dict(reference_task='saliency'),
            r"reference_task='saliency' is not among tasks=\['semseg'",
        ),
        (
            dict(num_heads=[1, 2, 3, 4]),
            r'=3 .* channels=16 \(a level of \[4, ',
        ),
        (
            dict(num_heads=[0, 2, 2, 4]),
            'num_heads=0 does not .* channels=4 ',
        ),
        (dict(num_heads=None), 'num_heads=0 does not .* channels=4 '),
        (dict(num_heads=[1, 2, 4]), 'num_heads=.* has 3 entries.* 4 levels'),
        (dict(in_channels=[4, 8, 16, 30]), '30 is not twice 16.*doubles'),
        (dict(in_channels=[32, 16, 8, 4]), 'finest first'),
        (dict(in_channels=[4, 8, 16]), 'num_heads=.* 3 levels'),
        (dict(in_channels=[]), r'in_channels=\[\]: give a list'),
        (dict(in_channels=64), 'in_channels=64: give a list'),
        (dict(in_channels=[4, 8, 16, '32']), r"in_channels\[3\]='32': give"),
        (dict(in_channels=[4.0, 8, 16, 32]), r'in_channels\[0\]=4.0: give'),
        (dict(num_heads=4), 'num_heads=4: give a list, one per level'),
        (
            dict(num_heads=[1, 2, 2.0, 4]),
            'num_heads=2.0 does not divide channels=16',
        ),
        (
            dict(num_heads=['1', 2, 2, 4]),
            "num_heads='1' does not divide channels=4",
        ),
        (dict(blocks=None), 'blocks=None: give a list of kinds such as'),
        (dict(blocks=[PAPER, PAPER, 3, PAPER]), 'a stage is 3: give each'),
        (dict(blocks=('private', 'private')), "stage 1 .*'private_skip'"),
        (dict(blocks=('shared_stream',)), "stage 1 .*'private_skip'"),
        (dict(blocks=['private', 'shared']), "did you mean 'shared_"),
        (
            dict(blocks='private'),
            r"give a list of kinds such as \['private'\]",
        ),
        (dict(blocks=[]), 'blocks=.* one or more kinds'),
        (dict(blocks=[PAPER, PAPER, [], PAPER]), r'a stage is \[\]'),
        (dict(blocks=[PAPER, PAPER]), 'blocks=.* has 2 entries'),
        (dict(with_cp=[True]), 'with_cp=.* has 1 entries'),
        (dict(with_cp=[True, False, 1, None]), 'with_cp=.*1, None.*or False'),
        (dict(with_cp='yes'), "with_cp='yes': give a list"),
        (dict(window_size=1), 'window_size=1: give 2 or more'),
        (dict(window_size=7.0), 'window_size=7.0: give a whole number'),
        (dict(window_size='7'), "window_size='7': give a whole number"),
        (dict(mlp_ratio=0), 'mlp_ratio=0: .* 4 channels .*1 / 4 or more'),
        (dict(mlp_ratio=0.2), 'mlp_ratio=0.2: .*1 / 4 or more'),
        (dict(mlp_ratio=-4), 'mlp_ratio=-4: '),
        (dict(mlp_ratio='4'), "mlp_ratio='4': "),
        (dict(mlp_ratio=float('nan')), 'mlp_ratio=nan: '),
        (dict(drop_path_rate=1.0), 'drop_path_rate=1.0: give a share'),
        (dict(drop_path_rate=-0.1), 'drop_path_rate=-0.1: give a share'),
        (dict(drop_path_rate='0.3'), "drop_path_rate='0.3': give a share"),
        (dict(dropout_ratio=1.5), 'dropout_ratio=1.5: give a share'),
        (dict(dropout_ratio=None), 'dropout_ratio=None: give a share'),
    ],
)
def test_refused_at_construction(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**arguments)


@pytest.mark.parametrize(
    ('inputs', 'message'),
    [
        (pyramid()[:3], r'channels \[4, 8, 16\].*out_indices'),
        (pyramid()[::-1], r'channels \[32, 16, 8, 4\]'),
        (
            pyramid(1, ((16, 16), (8, 8), (8, 8), (4, 4))),
            r'\(8, 8\) is not half of \(8, 8\).*strides',
        ),
    ],
)
def test_a_pyramid_that_does_not_fit_is_named(
    inputs: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build()(inputs)
