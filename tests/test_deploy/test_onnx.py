from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmmtl.apis import MultiTaskInferencer
from mmmtl.deploy import OnnxInferencer
from mmmtl.deploy import export as exporting
from mmmtl.deploy.export import export_model, report
from mmmtl.deploy.exportable import ExportableModel, make_exportable
from mmmtl.errors import UserError
from tests.test_deploy.tiny_configs import FAMILIES, noise, tiny_config

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxscript')
pytest.importorskip('onnxruntime')


@pytest.fixture(scope='module')
def config() -> Config:
    config = tiny_config('FCN', convolutions=True)
    config.test_dataloader = dict(
        dataset=dict(
            type='NYUDv2Dataset',
            data_root='data/none',
            tasks=['semseg', 'depth', 'normals', 'edge'],
            metainfo=dict(classes=list('abcde'), palette=[[0, 0, 0]] * 5),
            pipeline=config.pop('test_pipeline'),
        )
    )
    return config


@pytest.fixture(scope='module')
def weights(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    model = MultiTaskInferencer(config, device='cpu').model
    path = tmp_path_factory.mktemp('weights') / 'tiny.pth'
    torch.save({'state_dict': model.state_dict()}, path)
    return path


@pytest.fixture(scope='module')
def file(
    config: Config, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A file of any size; made once."""
    out = tmp_path_factory.mktemp('onnx') / 'any.onnx'
    pictures = [noise(64, 96), noise(128, 160, seed=1)]
    export_model(config, weights, out, images=pictures)
    return out


def assert_same(
    found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]
) -> None:
    assert list(found) == list(wanted)
    for task, values in wanted.items():
        assert found[task].dtype == values.dtype, task
        np.testing.assert_allclose(found[task], values, atol=1e-4)


def test_any_size_and_number_of_pictures(
    file: Path, config: Config, weights: Path
) -> None:
    run, model = OnnxInferencer(file), MultiTaskInferencer(config, weights)
    sizes = [(64, 64), (96, 160), (96, 160), (224, 64)]
    pictures = [noise(*size, seed=i) for i, size in enumerate(sizes)]
    for batch_size in (1, 3):
        for picture, maps in zip(
            pictures, run(pictures, batch_size=batch_size), strict=True
        ):
            assert_same(maps, model(picture))
    assert_same(run(pictures[0]), model(pictures[0]))
    only = run(pictures[1], tasks=['depth'])
    assert list(only) == ['depth']


def test_files_and_folders_are_read_as_the_inferencer_reads_them(
    file: Path, config: Config, weights: Path, tmp_path: Path
) -> None:
    run, model = OnnxInferencer(file), MultiTaskInferencer(config, weights)
    for index in range(2):
        picture = noise(64, 96, seed=index)
        cv2.imwrite(str(tmp_path / f'{index}.png'), picture)
    (tmp_path / 'notes.txt').write_text('no picture')
    found = run(tmp_path)
    for index, wanted in enumerate(model(tmp_path)):
        assert_same(found[index], wanted)
    assert_same(run(tmp_path / '1.png'), found[1])


def test_what_the_file_says_about_itself(file: Path, weights: Path) -> None:
    run = OnnxInferencer(file)
    tasks = run.tasks
    assert list(tasks) == ['semseg', 'depth', 'normals', 'edge']
    assert tasks['semseg']['classes'] == list('abcde')
    assert tasks['depth']['unit'].startswith('metre')
    assert tasks['normals']['components'] == 3
    digest = subprocess.check_output(['sha256sum', weights], text=True)
    assert run.metadata['weights_sha256'] == digest.split()[0]
    found = run.metadata['checked']['differences']
    assert set(found) == set(tasks)
    assert found['semseg']['pixels'] <= 1e-3
    # Neither folders of this machine nor operators of anybody else.
    assert b'.py' not in file.read_bytes()
    model = onnx.load(file)
    assert {node.domain for node in model.graph.node} == {''}
    # Also the zeros of convolutions without a bias: onnxruntime quantises no
    # others, and fuses less.
    numbers = {initializer.name for initializer in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == 'Conv':
            assert numbers.issuperset(node.input[1:])
    assert not model.functions


@pytest.mark.parametrize('task', ['semseg', 'depth'])
def test_logits_that_are_not_finite_are_refused(
    task: str, file: Path, tmp_path: Path
) -> None:
    """As with weights that no picture of the export has brought to it."""
    model = onnx.load(file)
    # The classifier's bias, of which all pixels' logits are.
    [bias] = [
        tensor
        for tensor in model.graph.initializer
        if re.search(rf'{task}\.classifier\.bias', tensor.name)
    ]
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] = np.nan
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, tmp_path / 'bad.onnx')
    run = OnnxInferencer(tmp_path / 'bad.onnx')
    with pytest.raises(ValueError, match=f'{task} is NaN or infinite'):
        run(noise(64, 96))
    other = {'semseg': 'depth', 'depth': 'semseg'}[task]
    assert list(run(noise(64, 96), tasks=[other])) == [other]


@pytest.mark.parametrize(
    ('size', 'text'), [((70, 64), 'multiples of 32'), ((32, 64), 'of 64 or')]
)
def test_other_sizes_are_refused(
    file: Path, size: tuple[int, int], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        OnnxInferencer(file)(noise(*size))


def test_wrong_arguments_are_refused(file: Path, tmp_path: Path) -> None:
    run = OnnxInferencer(file)
    with pytest.raises(ValueError, match=r"does not predict \['height'\]"):
        run(noise(64, 64), tasks=['height'])
    with pytest.raises(ValueError, match='float64'):
        run(noise(64, 64) / 255)
    model = onnx.load(file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / 'other.onnx')
    with pytest.raises(ValueError, match='was not exported by mmmtl'):
        OnnxInferencer(tmp_path / 'other.onnx')


def test_pictures_of_16_bits_are_refused(file: Path, tmp_path: Path) -> None:
    deep = np.full((64, 96), 300, np.uint16)
    for name in ('deep.png', 'deep.tif'):
        cv2.imwrite(str(tmp_path / name), deep)
        with pytest.raises(ValueError, match='has no 8 bits per channel'):
            OnnxInferencer(file)(tmp_path / name)


RUN_ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {others}:
            raise ImportError(f'{{name}} was imported')
sys.meta_path.insert(0, Refuse())
import numpy as np
from mmmtl.deploy import OnnxInferencer
run = OnnxInferencer(sys.argv[1], threads=1)
maps = run(np.load(sys.argv[2]))
np.savez(sys.argv[3], **maps)
"""


def test_the_runner_needs_numpy_and_onnxruntime_alone(
    file: Path, tmp_path: Path, repo_root: Path
) -> None:
    others = (
        *('torch', 'torchvision', 'mmengine', 'mmcv', 'mmseg', 'onnx'),
        *('cv2', 'PIL', 'scipy', 'rich', 'packaging', 'filelock'),
    )
    picture, maps = tmp_path / 'picture.npy', tmp_path / 'maps.npz'
    np.save(picture, noise(64, 96))
    subprocess.run(
        [sys.executable, '-c', RUN_ALONE.format(others=others)]
        + [str(path) for path in (file, picture, maps)],
        check=True,
        cwd=repo_root,
    )
    with np.load(maps) as found:
        assert_same(dict(found), OnnxInferencer(file)(noise(64, 96)))
    source = repo_root / 'mmmtl' / 'deploy' / 'onnx_inferencer.py'
    assert len(source.read_text().splitlines()) <= 200


def test_a_file_that_does_something_else_is_not_kept(
    config: Config,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shifted(*args: Any) -> ExportableModel:
        made = make_exportable(*args)
        made.model.decode_head.decoders['depth'].classifier.bias.add_(0.1)
        return made

    monkeypatch.setattr(exporting, 'make_exportable', shifted)
    out = tmp_path / 'model.onnx'
    out.write_text('an earlier file')
    with pytest.raises(UserError, match=r'not kept.*model: depth: 100 %'):
        export_model(
            config, weights, out, images=[noise(64, 64)], size=(64, 64)
        )
    assert out.read_text() == 'an earlier file'
    assert list(tmp_path.iterdir()) == [out]


def test_eight_bits_are_calibrated_and_checked(
    config: Config, weights: Path, tmp_path: Path, file: Path
) -> None:
    out = tmp_path / 'small.onnx'
    pictures = [
        cv2.GaussianBlur(noise(64, 96, seed=i), (0, 0), 3) for i in range(5)
    ]
    gate = exporting.gates.Gate(tolerance=0.1, pixels=0.5, loss=1.0)
    exported = export_model(
        config, weights, out, images=pictures, int8=True, gate=gate
    )
    model = onnx.load(out)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count('QuantizeLinear') > 10
    weights_of = {i.name: i.data_type for i in model.graph.initializer}
    assert list(weights_of.values()).count(onnx.TensorProto.INT8) > 10
    assert exported.metadata['precision'] == 'int8'
    assert OnnxInferencer(out).metadata == exported.metadata
    checked = exported.metadata['checked']['differences']
    assert checked['depth']['largest'] > 0  # it is another file
    assert 'depth' in report(exported)
    # The last layer of each task stays in float32.
    for task in ('depth', 'edge'):
        assert np.unique(OnnxInferencer(out)(pictures[0])[task]).size > 256

    with pytest.raises(UserError, match='to calibrate with'):
        export_model(config, weights, tmp_path / 'none.onnx', int8=True)


@pytest.mark.slow
@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('convolutions', [False, True])
def test_every_family(family: str, convolutions: bool, tmp_path: Path) -> None:
    config = tiny_config(family, convolutions=convolutions)
    weights = tmp_path / 'random.pth'
    made = MultiTaskInferencer(config, device='cpu')
    torch.save({'state_dict': made.model.state_dict()}, weights)
    exported = export_model(
        config,
        weights,
        tmp_path / 'model.onnx',
        images=[noise(64, 96), noise(128, 96)],
    )
    takes = exported.metadata['input']
    any_size = convolutions and family in ('FCN', 'DeMT', 'MQTransformer')
    assert takes['size'] == (None if any_size else [64, 96])
    # Swin reads the number of pictures as a constant.
    assert takes['batch'] == (None if convolutions else 1)
    pictures = [noise(64, 96, seed=i) for i in range(2)]
    found = OnnxInferencer(exported.path)(pictures, batch_size=2)
    for maps, picture in zip(found, pictures, strict=True):
        assert_same(maps, made(picture))
