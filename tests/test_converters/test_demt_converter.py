"""The converter of DeMT checkpoints: names, both block orders, refusals."""

import subprocess
import sys
import types

import pytest
import torch

from mmmtl.converters import ConversionError, convert_demt
from mmmtl.registry import MODELS, build_in_scope
from tests.reference_weights import load_fixture, reference_state_dict


@pytest.fixture(scope='module')
def state():
    spec, _ = load_fixture('demt_swin-t_nyud')
    return reference_state_dict(spec)


def older(state):
    """Rename the mixers' keys as they were before 2023-03-07."""
    renamed = {}
    for key, tensor in state.items():
        head, block, tail = key.partition('.blocks.0.')
        if block:
            for new, old in (('3.fn.', '0.fn.'), ('0.', '1.'), ('2.', '3.')):
                if tail.startswith(new):
                    key = head + block + old + tail.removeprefix(new)
                    break
        renamed[key] = tensor
    return renamed


def test_only_the_unused_offset_patterns_are_dropped(state):
    converted, _ = convert_demt(state)
    assert len(state) - len(converted) == 4  # one per task
    left_out = {id(t) for t in state.values()} - {
        id(t) for t in converted.values()
    }
    turned = ['head.final_logits.normals.' + e for e in ('weight', 'bias')]
    assert left_out == {
        id(t)
        for key, t in state.items()
        if key.endswith('fn.0.offset') or key in turned
    }


def test_convention_normals_come_out_in_our_frame(state):
    converted, _ = convert_demt(state)
    for end in ('weight', 'bias'):
        released = state[f'head.final_logits.normals.{end}']
        assert released.any()
        found = converted[f'decode_head.classifiers.normals.{end}']
        assert torch.equal(found, -released)
        # Of the other outputs the values themselves are taken.
        depth = converted[f'decode_head.classifiers.depth.{end}']
        assert depth is state[f'head.final_logits.depth.{end}']


def test_files_without_normals_are_converted(state):
    renamed = {
        key.replace('.normals.', '.saliency.'): t for key, t in state.items()
    }
    converted, _ = convert_demt(renamed)
    weight = converted['decode_head.classifiers.saliency.weight']
    assert weight is state['head.final_logits.normals.weight']


def test_older_block_order_is_recognised_by_its_names(state):
    new, _ = convert_demt(state)
    old, settings = convert_demt(older(state))
    assert settings == {'model.neck.block_order': 'gather_mix'}
    assert torch.equal(
        old['neck.mixers.depth.0.0.deform.weight'],
        new['neck.mixers.depth.0.1.deform.weight'],
    )
    neck = dict(
        type='DeformableMixer',
        in_channels=[96, 192, 384, 768],
        tasks=['semseg', 'depth', 'normals', 'edge'],
    )
    tensors = {
        key.removeprefix('neck.'): tensor
        for key, tensor in old.items()
        if key.startswith('neck.')
    }
    right = build_in_scope(MODELS, dict(neck, block_order='gather_mix'))
    right.load_state_dict(tensors, strict=True)
    wrong = build_in_scope(MODELS, neck)
    with pytest.raises(RuntimeError, match='mixers'):
        wrong.load_state_dict(tensors, strict=True)


def test_older_block_order_gathers_before_it_mixes():
    """With the gather at zero weight, only the order tells the outputs."""
    from mmmtl.models.demt.deformable_mixer import DeformableMixer

    torch.manual_seed(0)
    neck = DeformableMixer(
        in_channels=[4], channels=8, tasks=['depth'], block_order='gather_mix'
    ).eval()
    gather, mix = neck.mixers['depth'][0]
    with torch.no_grad():
        gather.deform.weight.zero_()
        gather.deform.bias.zero_()
        x = torch.randn(1, 4, 5, 6)
        shared = neck.norm(neck.projection([x]).permute(0, 2, 3, 1))
        expected = mix(shared.permute(0, 3, 1, 2))
        # The residual adds the norm of gelu(0) = 0, which is 0 in a fresh
        # norm: gather is the identity here.
        torch.testing.assert_close(neck([x])['depth'], expected)


def test_saliency_gets_its_name(state):
    renamed = {key.replace('.edge.', '.sal.'): t for key, t in state.items()}
    converted, _ = convert_demt(renamed)
    assert 'decode_head.classifiers.saliency.weight' in converted
    assert 'neck.mixers.saliency.0.0.conv.weight' in converted


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        ({'head.surprise.weight': torch.zeros(1)}, 'head.surprise.weight'),
        ({'head.task_fusion.surprise': torch.zeros(1)}, 'fusion.surprise'),
        ({'backbone.nonsense.x': torch.zeros(1)}, 'backbone.nonsense.x'),
        (  # a file that mixes both block orders
            {'head.defor_mixers.0.blocks.0.0.fn.2.weight': torch.zeros(1)},
            r'keys are not of a DeMT checkpoint: head\.defor_mixers',
        ),
        (
            {'head.final_logits.flow.weight': torch.zeros(1)},
            r"unknown tasks \['flow'\]",
        ),
    ],
)
def test_unknown_keys_are_refused_by_name(state, extra, message):
    with pytest.raises(ConversionError, match=message):
        convert_demt({**state, **extra})


@pytest.mark.parametrize(
    'lost',
    [
        'head.task_querys.2.out_proj.weight',
        'head.bottleneck.edge.bn.running_var',
        'head.defor_mixers.3.',
        'head.task_fusion.',
        'backbone.',
    ],
)
def test_an_incomplete_file_is_refused(state, lost):
    cut = {k: t for k, t in state.items() if not k.startswith(lost)}
    with pytest.raises(ConversionError, match='incomplete'):
        convert_demt(cut)


def test_other_checkpoints_are_refused():
    with pytest.raises(ConversionError, match='not a checkpoint'):
        convert_demt({'backbone.conv.weight': torch.zeros(1)})


def run_tool(repo_root, *args):
    return subprocess.run(
        [
            sys.executable,
            str(repo_root / 'tools/model_converters/authors2mmmtl.py'),
            *map(str, args),
        ],
        capture_output=True,
        text=True,
        cwd=repo_root,
    )


class ModelCheckpoint:
    """Pickled under the name that Lightning files carry."""


def save_as_lightning(content, path, monkeypatch):
    name = 'pytorch_lightning.callbacks.model_checkpoint'
    with monkeypatch.context() as patch:
        for end in ('pytorch_lightning', 'pytorch_lightning.callbacks', name):
            patch.setitem(sys.modules, end, types.ModuleType(end))
        patch.setattr(ModelCheckpoint, '__module__', name)
        sys.modules[name].ModelCheckpoint = ModelCheckpoint
        callbacks = {ModelCheckpoint: {'best_model_score': None}}
        torch.save(
            {
                **content,
                'callbacks': callbacks,
                'pytorch-lightning_version': '1.1.8',
            },
            path,
        )


def test_command_converts_a_lightning_file(
    state, tmp_path, repo_root, monkeypatch
):
    save_as_lightning(
        {'state_dict': state}, tmp_path / 'demt.ckpt', monkeypatch
    )
    target = tmp_path / 'out' / 'demt.pth'
    result = run_tool(repo_root, 'demt', tmp_path / 'demt.ckpt', target)
    assert result.returncode == 0, result.stderr
    written = torch.load(target, weights_only=True)
    expected, _ = convert_demt(state)
    assert written['state_dict'].keys() == expected.keys()
    assert [p.name for p in target.parent.iterdir()] == ['demt.pth']
    again = run_tool(repo_root, 'demt', tmp_path / 'demt.ckpt', target)
    assert again.returncode != 0
    assert f'{target} exists' in again.stderr


class Payload:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.target),)


def test_command_refuses_code_and_runs_none(state, tmp_path, repo_root):
    trace = tmp_path / 'was_run'
    torch.save(
        {'state_dict': state, 'hook': Payload(trace)}, tmp_path / 'bad.ckpt'
    )
    target = tmp_path / 'demt.pth'
    result = run_tool(repo_root, 'demt', tmp_path / 'bad.ckpt', target)
    assert result.returncode != 0
    assert 'bad.ckpt contains code' in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not trace.exists()
    assert not target.exists()


def test_command_names_what_it_does_not_know(tmp_path, repo_root):
    torch.save({'state_dict': {'x': torch.zeros(1)}}, tmp_path / 'x.ckpt')
    result = run_tool(
        repo_root, 'demt', tmp_path / 'x.ckpt', tmp_path / 'y.pth'
    )
    assert result.returncode != 0
    assert 'not a checkpoint of the released DeMT code' in result.stderr
    assert not (tmp_path / 'y.pth').exists()
