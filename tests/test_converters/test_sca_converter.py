"""The converter of SCA-MTL checkpoints: files, names, refusals."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from mmmtl.converters import ConversionError, convert_sca
from mmmtl.converters.plain import read_plain_state_dict
from mmmtl.engine.checkpoint import (
    ForeignCheckpointError,
    UnsafeCheckpointError,
)
from mmmtl.models.sca_mtl.task_order import decode_names
from tests.reference_weights import load_fixture, reference_state_dict


@pytest.fixture(scope='module')
def official():
    """The tensors under the names of the authors' files."""
    spec, _ = load_fixture('sca_hrnet18_nyud')
    return reference_state_dict(spec)


@pytest.fixture(scope='module')
def state(official):
    return {k.removeprefix('module.'): t for k, t in official.items()}


def test_only_unused_and_computed_tensors_are_dropped(state):
    converted, _ = convert_sca(state)
    dropped = [
        key
        for key in state
        if '.norm2.' in key or key.endswith('relative_position_index')
    ]
    # One is added: the order of the tasks.
    assert len(state) - len(converted) + 1 == len(dropped) == 3 * (4 * 2 + 3)
    # 1x1 convolutions over all scales become matrices; the rest is as it was.
    left = {id(t) for t in state.values()} - {
        id(t) for t in converted.values()
    }
    changed = left - {id(state[key]) for key in dropped}
    assert changed == {
        id(state[f'heads.{task}.last_layer.0.weight'])
        for task in ('semseg', 'depth')
    }
    assert torch.equal(
        converted['decode_head.aggregations.depth.linear.weight'],
        state['heads.depth.last_layer.0.weight'][:, :, 0, 0],
    )


def test_saliency_gets_its_name(state):
    renamed = {key.replace('.depth.', '.sal.'): t for key, t in state.items()}
    converted, settings = convert_sca(renamed)
    name = 'decode_head.interactions.0.attention.saliency.semseg.query.0.0'
    assert f'{name}.weight' in converted
    order = settings['model.decode_head.tasks']
    assert order == ['semseg', 'saliency']
    names = converted['decode_head.task_order.names']
    assert decode_names(names) == ('semseg', 'saliency')


def test_convention_normals_come_out_in_our_frame(state):
    """The output and the initial predictions at four scales."""
    renamed = {
        key.replace('.depth.', '.normals.'): t for key, t in state.items()
    }
    converted, _ = convert_sca(renamed)
    plain, _ = convert_sca(state)
    turned = set()
    for name, tensor in converted.items():
        if name == 'decode_head.task_order.names':
            continue
        before = plain[name.replace('.normals.', '.depth.')]
        if not torch.equal(tensor, before):
            assert torch.equal(tensor, -before)
            turned.add(name.removeprefix('decode_head.'))
    layers = ['aggregations.normals.classifier']
    layers += [f'scales.{level}.predictions.normals' for level in range(4)]
    ends = ('weight', 'bias')
    assert turned == {f'{layer}.{end}' for layer in layers for end in ends}


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        ('heads.depth.surprise.weight', r'heads\.depth\.surprise'),
        ('swTransform5.norm0.weight', r'swTransform5\.norm0'),
        ('heads.depth.upsample01.0.weight', 'upsample01'),
        ('backbone.nonsense.x', r'keys are not of a SCA-MTL .*nonsense'),
        ('heads.flow.last_layer.3.weight', r"unknown tasks \['flow'\]"),
    ],
)
def test_unknown_keys_are_refused_by_name(state, extra, message):
    with pytest.raises(ConversionError, match=message):
        convert_sca({**state, extra: torch.zeros(1)})


@pytest.mark.parametrize(
    'lost',
    [
        'backbone.stage3.',
        'swTransform2.norm0.bias',
        'scale_3.decoders.depth.bias',
        'fpm_scale_1.se.semseg.squeeze.2.weight',
        'distillation_scale_0.cross_attention.depth.',
        'heads.semseg.upsample31.1.running_var',
    ],
)
def test_an_incomplete_file_is_refused(state, lost):
    cut = {k: t for k, t in state.items() if not k.startswith(lost)}
    with pytest.raises(ConversionError, match='incomplete, it lacks'):
        convert_sca(cut)


@pytest.mark.parametrize('names', [[], ['heads.depth.last_layer.3.weight']])
def test_other_checkpoints_are_refused(names):
    with pytest.raises(ConversionError, match='not a checkpoint of the rel'):
        convert_sca({name: torch.zeros(1) for name in names})


def as_checkpoint(official):
    """What the released code saves after every epoch."""
    return {
        'model': official,
        'optimizer': {'state': {0: {'step': 3}}, 'param_groups': []},
        'epoch': 7,
        'best_result': {'semseg': {'mIoU': np.float64(0.3)}},
    }


@pytest.mark.parametrize('best', [False, True])
def test_both_kinds_of_file_are_read(official, state, tmp_path, best):
    path = tmp_path / 'model.pth.tar'
    torch.save(official if best else as_checkpoint(official), path)
    found = read_plain_state_dict(path)
    assert found.keys() == state.keys()
    assert torch.equal(
        found['backbone.conv1.weight'], state['backbone.conv1.weight']
    )


def test_a_file_without_tensors_is_refused(tmp_path):
    torch.save({'epoch': 7, 'notes': 'none'}, tmp_path / 'x.pth')
    with pytest.raises(
        ConversionError, match=r"holds no tensors .*\['epoch', 'notes'\]"
    ):
        read_plain_state_dict(tmp_path / 'x.pth')


def test_a_name_with_and_without_module_is_refused(tmp_path):
    state = {'module.x': torch.ones(1), 'x': torch.zeros(1)}
    torch.save({'model': state}, tmp_path / 'x.pth')
    with pytest.raises(ForeignCheckpointError, match=r'names: x;'):
        read_plain_state_dict(tmp_path / 'x.pth')


class Payload:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.target),)


def test_code_is_refused_and_none_runs(official, tmp_path):
    trace = tmp_path / 'was_run'
    torch.save({**official, 'x': Payload(trace)}, tmp_path / 'bad.pth')
    with pytest.raises(UnsafeCheckpointError, match='contains code'):
        read_plain_state_dict(tmp_path / 'bad.pth')
    assert not trace.exists()


def test_command_converts_a_checkpoint(official, state, tmp_path, repo_root):
    source, target = tmp_path / 'checkpoint.pth.tar', tmp_path / 'sca.pth'
    torch.save(as_checkpoint(official), source)
    tool = repo_root / 'tools/model_converters/authors2mmmtl.py'
    result = subprocess.run(
        [sys.executable, str(tool), 'sca', str(source), str(target)],
        capture_output=True,
        text=True,
        cwd=repo_root,
    )
    assert result.returncode == 0, result.stderr
    assert '(semseg, depth), in this order' in result.stdout
    assert f'{len(state) - 33 + 1} tensors from {len(state)}' in result.stdout
    written = torch.load(target, weights_only=True)
    expected, settings = convert_sca(state)
    assert written['state_dict'].keys() == expected.keys()
    assert written['meta']['config_settings'] == settings
