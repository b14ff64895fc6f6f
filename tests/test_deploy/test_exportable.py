from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mmmtl.apis import MultiTaskInferencer
from mmmtl.deploy.export import export_model
from mmmtl.deploy.exportable import ExportableModel, make_exportable
from mmmtl.deploy.picture_steps import measure_steps, treats_all_alike
from mmmtl.deploy.plain_layers import (
    pad_by_constants,
    takes_any_number,
    takes_any_size,
)
from mmmtl.errors import UserError
from tests.test_deploy.tiny_configs import FAMILIES, noise, tiny_config

# What the published pipelines do to a picture before it is packed.
PIPELINES: dict[str, list[dict[str, Any]]] = {
    'nothing': [],
    'pad': [dict(type='MultiTaskCenteredPad', size=(72, 100))],
    'resize': [dict(type='MultiTaskResize', size=(64, 72))],
    'crop': [dict(type='MultiTaskFixedCrop', box=(5, 3, 85, 51))],
    'shrink': [
        dict(
            type='Resize',
            scale=(64, 48),
            keep_ratio=True,
            interpolation='area',
        )
    ],
}


def build(
    size: tuple[int, int], family: str = 'FCN', **config: Any
) -> tuple[MultiTaskInferencer, ExportableModel]:
    made = MultiTaskInferencer(tiny_config(family, **config), device='cpu')
    model = made.model
    steps = measure_steps(made.pipeline, model.data_preprocessor, size)
    return made, make_exportable(model, steps)


def run(model: ExportableModel, *pictures: np.ndarray) -> dict[str, Any]:
    rgb = torch.from_numpy(np.stack(pictures)[..., ::-1].copy())
    return {task: maps.numpy() for task, maps in model(rgb).items()}


def assert_same(
    found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]
) -> None:
    assert list(found) == list(wanted)
    for task, values in wanted.items():
        assert found[task].dtype == values.dtype, task
        np.testing.assert_allclose(found[task], values, atol=1e-4)


@pytest.mark.parametrize('family', FAMILIES)
def test_every_family_gives_what_the_inferencer_gives(family: str) -> None:
    inferencer, model = build((40, 56), family)
    first, second = noise(40, 56), noise(40, 56, seed=1)
    found = run(model, first, second)
    for index, picture in enumerate((first, second)):
        maps = {task: values[index] for task, values in found.items()}
        assert_same(maps, inferencer(picture))


@pytest.mark.parametrize('name', PIPELINES)
@pytest.mark.parametrize('divisor', [1, 16])
def test_the_pipeline_is_inside(name: str, divisor: int) -> None:
    """Values of smooth pictures: OpenCV rounds one grey level elsewhere."""
    preprocessor = dict(
        type='MultiTaskDataPreprocessor',
        mean=[100, 110, 120],
        std=[60, 50, 40],
        bgr_to_rgb=divisor > 1,
        size_divisor=divisor,
    )
    inferencer, model = build(
        (54, 90),
        convolutions=True,
        steps=PIPELINES[name],
        data_preprocessor=preprocessor,
    )
    picture = cv2.GaussianBlur(noise(54, 90, seed=2), (0, 0), 2)
    found = {task: maps[0] for task, maps in run(model, picture).items()}
    wanted = inferencer(picture)
    assert found['normals'].shape == (54, 90, 3)
    for task, values in wanted.items():
        if values.dtype.kind == 'i':
            assert (found[task] != values).mean() < 2e-3
        else:
            scale = abs(values).max()
            assert abs(found[task] - values).max() < 0.01 * scale, task


def test_sliding_windows_are_inside() -> None:
    test_cfg = dict(mode='slide', crop_size=(32, 32), stride=(16, 24))
    inferencer, model = build((50, 70), test_cfg=test_cfg)
    picture = noise(50, 70)
    found = {task: maps[0] for task, maps in run(model, picture).items()}
    assert_same(found, inferencer(picture))


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_no_map_comes_of_logits_that_are_not_finite(
    bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the pictures that are run together, the others stay as they are."""
    _, model = build((40, 56), convolutions=True)
    pictures = noise(40, 56), noise(40, 56, seed=1)
    wanted = run(model, *pictures)
    predict = model.model.test_logits

    def spoiled(inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = predict(inputs)
        for logits in maps.values():
            logits[1, -1, 7, 9] = bad
        return maps

    monkeypatch.setattr(model.model, 'test_logits', spoiled)
    found = run(model, *pictures)
    for task, values in found.items():
        np.testing.assert_array_equal(values[0], wanted[task][0])
        if values.dtype.kind == 'f':
            assert np.isnan(values[1]).all(), task
        else:
            assert (values[1] == 255).all(), task


def test_only_a_pipeline_that_does_nothing_serves_all_sizes() -> None:
    for name, steps in PIPELINES.items():
        config = tiny_config('FCN', steps=steps)
        made = MultiTaskInferencer(config, device='cpu')
        if name == 'crop':  # its box does not lie in small pictures
            continue
        alike = treats_all_alike(made.pipeline, made.model.data_preprocessor)
        assert alike == (name == 'nothing'), name


def test_a_pipeline_that_only_shrinks_large_pictures_does_something() -> None:
    made = MultiTaskInferencer(tiny_config('FCN'), device='cpu')

    def shrink(results: dict) -> dict:
        height, width = results['img'].shape[:2]
        if min(height, width) <= 4000:
            return results
        image = cv2.resize(results['img'], (64, 64))
        return results | dict(img=image, img_shape=(64, 64))

    model = made.model
    assert treats_all_alike(made.pipeline, model.data_preprocessor)
    made.pipeline._steps.insert(0, shrink)
    assert not treats_all_alike(made.pipeline, model.data_preprocessor)


def test_a_pipeline_that_changes_colours_is_refused() -> None:
    made = MultiTaskInferencer(tiny_config('FCN'), device='cpu')
    made.pipeline._steps.insert(
        0, lambda results: results | dict(img=255 - results['img'])
    )
    with pytest.raises(UserError, match='does more to a picture of 32x40'):
        measure_steps(made.pipeline, made.model.data_preprocessor, (32, 40))


def test_the_given_model_stays_as_it_is() -> None:
    made, model = build((32, 32), 'DeMT', convolutions=True)
    backends = [
        {
            layer.backend
            for layer in part.modules()
            if hasattr(layer, 'backend')
        }
        for part in (made.model, model)
    ]
    assert backends == [{'auto'}, {'torch'}]
    assert all(p.requires_grad for p in made.model.parameters())


def test_who_takes_any_size_and_number() -> None:
    for family in FAMILIES:
        _, model = build((32, 32), family, convolutions=True)
        assert takes_any_size(model) == (family not in ('SCA-MTL', 'MulT'))
        assert takes_any_number(model)
    _, swin = build((32, 32))
    assert not takes_any_size(swin)
    assert not takes_any_number(swin)


def test_constant_padding_is_that_of_tensorflow() -> None:
    """At multiples of 32, and only where the stride divides the map."""
    conv2d_same = pytest.importorskip('timm.layers.conv2d_same')
    for kernel, stride in ((3, 2), (5, 2), (3, 1), (5, 1), (1, 2)):
        layer = conv2d_same.Conv2dSame(2, 3, kernel, stride=stride)
        model = torch.nn.Sequential(layer)
        maps = torch.randn(1, 2, 32, 64)
        wanted = model(maps)
        pad_by_constants(model)
        assert type(model[0]) is not type(layer)
        torch.testing.assert_close(model(maps), wanted)


@pytest.mark.parametrize(
    'family',
    [
        'FCN',
        *(
            pytest.param(family, marks=pytest.mark.slow)
            for family in FAMILIES
            if family != 'FCN'
        ),
    ],
)
def test_torch_export_of_every_family(family: str, tmp_path: Path) -> None:
    out = tmp_path / 'model.pt2'
    exported = export_model(
        tiny_config(family),
        None,
        out,
        format='torch-export',
        images=[noise(32, 64), noise(64, 32)],
        size=(32, 64),
    )
    assert exported.metadata['input']['size'] == [32, 64]
    program = torch.export.load(out)
    operators = {
        str(node.target).split('.')[0]
        for node in program.graph.nodes
        if node.op == 'call_function'
    }
    # PyTorch's own, none of mmcv or torchvision.
    own = {'aten', 'wrap_with_autocast', '<built-in function getitem>'}
    assert operators <= own
    assert b'/mmmtl/' not in out.read_bytes()
