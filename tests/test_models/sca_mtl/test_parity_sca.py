"""SCA-MTL against the outputs of its released code (see tests/data)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmmtl.converters import convert_sca
from tests.reference_weights import (
    load_fixture,
    reference_input,
    reference_state_dict,
    released_sign,
)
from tests.sca_models import sca_hrnet18

NAME = 'sca_hrnet18_nyud'
# Noise of the reference itself is below 7e-6.
TOLERANCE = {'feat': 5e-5, 'out': 5e-5, 'initial': 5e-5, 'cam': 2e-5}


@pytest.fixture(scope='module')
def fixture() -> tuple[dict, dict, dict]:
    spec, want = load_fixture(NAME)
    state = {
        key.removeprefix('module.'): tensor
        for key, tensor in reference_state_dict(spec).items()
    }
    return spec, want, state


@pytest.fixture(scope='module')
def found(fixture: tuple[dict, dict, dict]) -> dict[str, Tensor]:
    """All outputs of our model, under the names of the fixture."""
    spec, _, state = fixture
    model = build(state, spec)
    outputs: dict[str, Tensor] = {}
    head = model.decode_head
    for level, interaction in enumerate(head.interactions):
        for target, blocks in interaction.attention.items():
            for source, block in blocks.items():
                name = f'distillation_scale_{level}.{target}.{source}'
                block.register_forward_hook(keep(outputs, f'cam/{name}'))
    for task, aggregation in head.aggregations.items():
        for level, block in enumerate(aggregation.cross_scale.attention):
            name = f'cam/heads.{task}.cross_scale_attention{level}.call'
            block.register_forward_hook(keep(outputs, name, numbered=True))
    image = reference_input(spec)
    with torch.no_grad():
        for level, feature in enumerate(model.backbone(image)):
            outputs[f'feat/{level}'] = feature[:, :8, ::2, ::2]
        logits = model(image, mode='tensor')
        outputs |= {f'out/{task}': maps for task, maps in logits.items()}
        _, initial = head.forward_with_auxiliary(model.extract_feat(image))
    for scale, maps in initial.items():
        outputs |= {f'initial/{scale}/{task}': m for task, m in maps.items()}
    return outputs


def build(state: dict[str, Tensor], spec: dict, **head: Any) -> Any:
    model = sca_hrnet18(spec['tasks'], **head)
    model.load_state_dict(convert_sca(state)[0], strict=True)
    return model.eval()


def keep(outputs: dict[str, Tensor], name: str, numbered: bool = False) -> Any:
    def hook(module: Any, args: Any, result: list[Tensor]) -> None:
        for index, answer in enumerate(result):
            key = f'{name}{index}' if numbered else name
            outputs[key] = answer[:, :8]

    return hook


def test_outputs_equal_the_released_code(
    fixture: tuple[dict, dict, dict], found: dict[str, Tensor]
) -> None:
    """Final and initial predictions, and what every attention answers."""
    spec, want, _ = fixture
    assert len(spec['outputs']) == 26
    for key, stride in spec['outputs'].items():
        maps = found[key]
        tolerance = TOLERANCE[key.partition('/')[0]]
        np.testing.assert_allclose(
            maps[..., ::stride, ::stride],
            want[key],
            rtol=0,
            atol=tolerance,
            err_msg=key,
        )
        area = maps.shape[-2] * maps.shape[-1]
        np.testing.assert_allclose(
            maps.double().sum((2, 3)) / area,
            want[f'chansum/{key}'] / area,
            rtol=0,
            atol=tolerance,
            err_msg=key,
        )


def test_normals_are_released_ones_in_our_frame(
    fixture: tuple[dict, dict, dict],
) -> None:
    """The file with its depth named normals, three times over.

    There is no reference with normals. The outputs of the layers that the
    converter negates must be the released ones with the other sign, final
    and initial, and those of the other task as before: nothing behind them
    reads them.
    """
    spec, want, state = fixture
    outputs = ('last_layer.3', 'decoders.depth')
    renamed = {}
    for key, tensor in state.items():
        if any(f'{name}.' in key for name in outputs) and 'depth' in key:
            tensor = tensor.repeat(3, *[1] * (tensor.ndim - 1))
        renamed[key.replace('.depth.', '.normals.')] = tensor
    model = sca_hrnet18({'semseg': spec['tasks']['semseg'], 'normals': 3})
    model.load_state_dict(convert_sca(renamed)[0], strict=True)
    model.eval()
    image = reference_input(spec)
    with torch.no_grad():
        found = model(image, mode='tensor')
        _, initial = model.decode_head.forward_with_auxiliary(
            model.extract_feat(image)
        )
    maps = {'out': found}
    maps |= {f'initial/{scale}': m for scale, m in initial.items()}
    for place, tasks in maps.items():
        for task, theirs in (('semseg', 'semseg'), ('normals', 'depth')):
            key = f'{place}/{theirs}'
            stride = spec['outputs'][key]
            np.testing.assert_allclose(
                tasks[task][..., ::stride, ::stride]
                * released_sign(f'{place}/{task}'),
                np.broadcast_to(
                    want[key], tasks[task][..., ::stride, ::stride].shape
                ),
                rtol=0,
                atol=TOLERANCE[place.partition('/')[0]],
                err_msg=key,
            )


def test_backbone_equals_the_released_code(
    fixture: tuple[dict, dict, dict], found: dict[str, Tensor]
) -> None:
    _, want, _ = fixture
    for level in range(4):
        key = f'feat/{level}'
        np.testing.assert_allclose(
            found[key], want[key], rtol=0, atol=TOLERANCE['feat']
        )


def test_the_order_of_tasks_comes_from_the_file(
    fixture: tuple[dict, dict, dict],
) -> None:
    spec, _, state = fixture
    assert list(spec['tasks']) == ['semseg', 'depth']
    _, settings = convert_sca(state)
    order = settings['model.decode_head.tasks']
    assert order == ['semseg', 'depth']


def test_the_intended_view_is_another_model(
    fixture: tuple[dict, dict, dict],
) -> None:
    """The option must not pass for what the released weights need."""
    spec, want, state = fixture
    model = build(state, spec, fpma_view='task_major')
    with torch.no_grad():
        logits = model(reference_input(spec), mode='tensor')['semseg']
    stride = spec['outputs']['out/semseg']
    found = logits[..., ::stride, ::stride].numpy()
    far = np.abs(found - want['out/semseg']).max()
    assert far > 0.01 * np.abs(want['out/semseg']).max()
