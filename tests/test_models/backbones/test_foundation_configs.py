"""What the configs on large pretrained backbones promise."""

from __future__ import annotations

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mmmtl.registry import MODELS, build_in_scope
from tests.test_configs import LEAVES, load, shrink

PYRAMIDS = [
    leaf
    for leaf in LEAVES
    if any(name in leaf for name in ('dinov2', 'mae-vit', 'dinov3-vit'))
]
RATES = {
    'baselines/fcn-multi_dinov2-s_nyud.py': 0.75,
    'baselines/fcn-multi_dinov2-s_nyud-lora.py': 1.0,
    'demt/demt_mae-vit-b_nyud.py': 0.75,
}


def rates_of(leaf: str) -> dict[str, float]:
    """The learning rate of every parameter that learns."""
    cfg = shrink(load(leaf))
    model = build_in_scope(MODELS, cfg.model)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    names = {id(p): name for name, p in model.named_parameters()}
    return {
        names[id(parameter)]: group['lr']
        for group in optimizer.param_groups
        for parameter in group['params']
    }


@pytest.mark.parametrize('leaf', PYRAMIDS)
def test_levels_of_a_vit_are_at_four_times_to_half_its_resolution(
    leaf: str,
) -> None:
    """After padding to whole patches; 60x100 is none."""
    model = build_in_scope(MODELS, shrink(load(leaf)).model)
    patch = 14 if 'dinov2' in leaf else 16
    assert model.data_preprocessor.size_divisor == patch
    image = torch.zeros(3, 60, 100, dtype=torch.uint8)
    inputs = model.data_preprocessor(dict(inputs=[image]))['inputs']
    rows, columns = -(-60 // patch), -(-100 // patch)
    assert inputs.shape[-2:] == (patch * rows, patch * columns)
    neck = getattr(model.neck, '0', model.neck)
    sizes = [tuple(m.shape[-2:]) for m in neck(model.backbone(inputs))]
    assert sizes == [
        (4 * rows, 4 * columns),
        (2 * rows, 2 * columns),
        (rows, columns),
        (rows // 2, columns // 2),
    ]


@pytest.mark.parametrize(('leaf', 'decay'), RATES.items())
def test_each_layer_learns_slower_than_the_one_after_it(
    leaf: str, decay: float
) -> None:
    """With four blocks: decay ** (4 - i) in block i, 5 in the embedding."""
    found = rates_of(leaf)
    (full,) = {r for n, r in found.items() if not n.startswith('backbone.')}
    assert full == (5e-4 if 'lora' in leaf else 1e-4)
    blocks = [
        {
            round(rate / full, 9)
            for name, rate in found.items()
            if name.startswith(f'backbone.layers.{index}.')
        }
        for index in range(4)
    ]
    assert blocks == [{round(decay ** (4 - index), 9)} for index in range(4)]
    if 'lora' in leaf:
        assert 'backbone.pos_embed' not in found
    else:
        assert found['backbone.pos_embed'] == pytest.approx(full * decay**5)


@pytest.mark.parametrize(
    'leaf',
    [
        'demt/demt_convnext-t_nyud.py',
        'demt/demt_dinov3-vit-s_nyud.py',
        'demt/demt_dinov3-convnext-t_nyud.py',
        'demt/demt_mit-b0_nyud.py',
    ],
)
def test_other_backbones_learn_slower_than_the_head(leaf: str) -> None:
    found = rates_of(leaf)
    backbone = [r for n, r in found.items() if n.startswith('backbone.')]
    rest = {r for n, r in found.items() if not n.startswith('backbone.')}
    (full,) = rest
    if 'convnext-t' in leaf and 'dinov3' not in leaf:
        # The stem is the eighth layer from the end.
        assert min(backbone) == pytest.approx(full * 0.9**7)
        assert max(backbone) <= full
    else:
        assert backbone == pytest.approx([full / 10] * len(backbone))
