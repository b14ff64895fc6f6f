"""The converter of MulT checkpoints: Swin's names, splits, refusals."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.utils.embed import PatchMerging
from torch import Tensor

from mmmtl.converters import CONVERTERS, ConversionError, convert_mult
from mmmtl.converters.swin import reorder_merging
from tests.reference_weights import load_fixture, reference_state_dict

State = dict[str, Tensor]


@pytest.fixture(scope='module')
def state() -> State:
    spec, _ = load_fixture('mult_sca1_swin-t_nyud')
    return reference_state_dict(spec)


@pytest.fixture(scope='module')
def pair() -> State:
    """Of two tasks (DEA1)."""
    spec, _ = load_fixture('mult_dea1_swin-t_nyud')
    return reference_state_dict(spec)


def test_only_computed_tensors_are_dropped(state: State) -> None:
    """The decoder's eight indices go; eight ``qkv`` become two each."""
    converted, settings = convert_mult(state)
    indices = [k for k in state if k.endswith('relative_position_index')]
    dropped = [k for k in indices if k.startswith('decode_head')]
    assert len(dropped) == 8
    # Weight and bias of the plain block of four stages.
    assert len(converted) == len(state) - 8 + 2 * 4
    assert settings == {
        'model.decode_head.blocks': "['shared_skip', 'private']",
        'model.decode_head.tasks.semseg.out_channels': '41',
    }
    assert CONVERTERS['mult'] is convert_mult


def test_two_tasks(pair: State) -> None:
    """The second block's queries and keys are those of the depth stream."""
    converted, settings = convert_mult(pair)
    assert len(converted) == len(pair) - 8 + 2 * 4
    assert settings == {
        'model.decode_head.blocks': "['shared_skip', 'shared_stream']",
        'model.decode_head.reference_task': 'depth',
        'model.decode_head.tasks.semseg.out_channels': '41',
        'model.decode_head.tasks.depth.max_value': '10.0',
    }
    theirs = 'decode_head.layers.2.blocks.1.attn.'
    ours = 'decode_head.stages.2.blocks.1.shared.'
    joined = torch.cat(
        [
            converted[f'{ours}query_key.weight'],
            converted[f'{ours}streams.depth.value.weight'],
        ]
    )
    assert torch.equal(joined, pair[f'{theirs}qkv_de.weight'])
    assert torch.equal(
        converted[f'{ours}streams.semseg.value.weight'],
        pair[f'{theirs}v_se.weight'],
    )


def test_query_key_and_value_come_apart(state: State) -> None:
    converted, _ = convert_mult(state)
    for stage, width in enumerate((768, 384, 192, 96)):
        theirs = f'decode_head.layers.{stage}.blocks.1.attn.qkv'
        ours = f'decode_head.stages.{stage}.blocks.1.semseg'
        for end in ('weight', 'bias'):
            pair = converted[f'{ours}.query_key.{end}']
            value = converted[f'{ours}.streams.semseg.value.{end}']
            assert len(pair) == 2 * width
            joined = torch.cat([pair, value])
            assert torch.equal(joined, state[f'{theirs}.{end}'])


def test_merging_reads_the_patches_in_mmsegs_order() -> None:
    """Against Microsoft's merging written out, on an image of 4 x 6."""
    layer = PatchMerging(3, 5)
    names = {
        'norm.weight': torch.rand(12),
        'norm.bias': torch.rand(12),
        'reduction.weight': torch.randn(5, 12),
    }
    prefix = 'backbone.stages.0.downsample.'
    ours = reorder_merging({prefix + k: v for k, v in names.items()})
    layer.load_state_dict({k: ours[prefix + k] for k in names})
    x = torch.randn(2, 4, 6, 3)
    joined = torch.cat(
        [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)], -1
    )
    normed = F.layer_norm(
        joined, (12,), names['norm.weight'], names['norm.bias']
    )
    want = (normed @ names['reduction.weight'].T).flatten(1, 2)
    found, size = layer(x.flatten(1, 2), (4, 6))
    assert size == (2, 3)
    assert torch.allclose(found, want, atol=1e-5)
    # Other tensors are passed on as they are.
    other = {'backbone.stages.0.blocks.0.norm1.weight': torch.rand(12)}
    assert reorder_merging(other) == other


def test_one_channel_is_depth(state: State) -> None:
    depth = dict(state)
    for end in ('weight', 'bias'):
        key = f'decode_head.conv_seg.{end}'
        depth[key] = state[key][:1]
    converted, settings = convert_mult(depth)
    assert settings == {
        'model.decode_head.blocks': "['shared_skip', 'private']",
        'model.decode_head.tasks.depth.max_value': '10.0',
    }
    assert converted['decode_head.classifiers.depth.bias'].shape == (1,)
    assert not any('semseg' in name for name in converted)


@pytest.mark.parametrize(
    'key',
    [
        'decode_head.surprise.weight',
        'decode_head.layers.0.blocks.2.norm1.weight',
        'backbone.layers.0.blocks.0.attn.surprise',
        'backbone.norm4.weight',
    ],
)
def test_unknown_keys_are_refused_by_name(state: State, key: str) -> None:
    with pytest.raises(ConversionError, match='not of a MulT') as error:
        convert_mult({**state, key: torch.zeros(1)})
    assert key in str(error.value)


@pytest.mark.parametrize(
    ('key', 'shape'),
    [
        # The value of stream and encoder side by side (SCA2).
        ('decode_head.layers.1.blocks.0.attn.v.weight', (384, 768)),
        # All three of them from both (SCA3), in both blocks (SCA4).
        ('decode_head.layers.0.blocks.0.attn.qkv.weight', (2304, 1536)),
        ('decode_head.layers.3.blocks.1.attn.qkv.weight', (288, 192)),
        # Query from one, key and value from the other (COA, ICA).
        ('decode_head.layers.2.blocks.0.attn.kv.weight', (384, 192)),
        ('decode_head.layers.0.blocks.1.attn.qk.weight', (1536, 768)),
    ],
)
def test_other_released_classes_are_refused(
    state: State, key: str, shape: tuple[int, ...]
) -> None:
    assert_refused(state, key, shape)


@pytest.mark.parametrize(
    ('key', 'shape'),
    [
        # The values of stream and encoder side by side (DEA2).
        ('decode_head.layers.1.blocks.0.attn.v_se.weight', (384, 768)),
        # All three of them from both (DEA3), in both blocks (DEA4).
        ('decode_head.layers.0.blocks.0.attn.qkv_de.weight', (2304, 1536)),
        ('decode_head.layers.3.blocks.1.attn.qkv_de.weight', (288, 192)),
    ],
)
def test_other_classes_of_two_tasks_are_refused(
    pair: State, key: str, shape: tuple[int, ...]
) -> None:
    assert_refused(pair, key, shape)


def assert_refused(state: State, key: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ConversionError, match=r'only SwinTransformerSCA1 .*DEA2-4'
    ) as error:
        convert_mult({**state, key: torch.zeros(shape)})
    assert key in str(error.value)


@pytest.mark.parametrize(
    'key',
    [
        # Well-formed names in places that the model does not have.
        'decode_head.layers.4.blocks.0.norm1.weight',
        'decode_head.layers.3.upsample.norm.weight',
        'backbone.layers.3.downsample.norm.weight',
        'backbone.layers.4.blocks.0.norm1.weight',
    ],
)
def test_a_part_too_many_is_refused(state: State, key: str) -> None:
    with pytest.raises(ConversionError, match='1 parts are not of a MulT'):
        convert_mult({**state, key: torch.zeros(4)})


@pytest.mark.parametrize(
    'lost',
    [
        'decode_head.layers.1.blocks.1.norm2.',
        # Of all stages: nothing to compare with in the file itself.
        'decode_head.*.attn.v.bias',
        'decode_head.*.upsample.reduction.weight',
        'backbone.norm1.weight',
        'backbone.layers.2.blocks.3.attn.qkv.bias',
        'backbone.layers.2.blocks.5.',
        'backbone.layers.3.blocks.0.norm2.weight',
        'backbone.layers.1.',
        'backbone.layers.0.downsample.reduction.weight',
        'decode_head.layers.1.blocks.0.attn.v.weight',
        'decode_head.layers.2.',
        'decode_head.layers.0.upsample.norm.bias',
        'decode_head.layers.',
        'decode_head.conv_seg.bias',
        'backbone.',
    ],
)
def test_an_incomplete_file_is_refused(state: State, lost: str) -> None:
    cut = {k: t for k, t in state.items() if not fnmatch(k, f'{lost}*')}
    assert len(cut) < len(state)
    with pytest.raises(ConversionError, match='incomplete'):
        convert_mult(cut)


@pytest.mark.parametrize(
    'lost',
    [
        'decode_head.conv_de.',
        'decode_head.conv_seg.',
        'decode_head.*.norm1_de.',
        'decode_head.layers.1.blocks.1.attn.qkv_de.bias',
        'decode_head.*.v_se.',
    ],
)
def test_an_incomplete_file_of_two_tasks_is_refused(
    pair: State, lost: str
) -> None:
    cut = {k: t for k, t in pair.items() if not fnmatch(k, f'{lost}*')}
    assert len(cut) < len(pair)
    with pytest.raises(ConversionError, match='incomplete'):
        convert_mult(cut)


def test_other_checkpoints_are_refused() -> None:
    with pytest.raises(ConversionError, match='not a checkpoint'):
        convert_mult({'backbone.norm0.weight': torch.zeros(1)})


def test_command_converts_a_file_of_mmcv(
    state: State, tmp_path: Path, repo_root: Path
) -> None:
    source, target = tmp_path / 'sca1.pth', tmp_path / 'mult.pth'
    meta = dict(mmcv_version='1.2.7', CLASSES=['wall'], PALETTE=[[1, 2, 3]])
    torch.save(
        dict(meta=meta, state_dict=state, optimizer=dict(state={})), source
    )
    tool = repo_root / 'tools/model_converters/authors2mmmtl.py'
    end = subprocess.run(
        [sys.executable, str(tool), 'mult', str(source), str(target)],
        capture_output=True,
        text=True,
        cwd=repo_root,
    )
    assert end.returncode == 0, end.stderr
    assert "blocks=['shared_skip', 'private']" in end.stdout
    assert f'tensors from {len(state)}' in end.stdout
    written = torch.load(target, weights_only=True)['state_dict']
    expected, _ = convert_mult(state)
    assert written.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(written[name], tensor), name
