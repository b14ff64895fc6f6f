"""Published weights reach backbones that have other names for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mmmtl.engine.timm_weights import name_as_timm_backbone
from mmmtl.engine.weights import check_pretrained_fit
from mmmtl.errors import UserError
from mmmtl.models.backbones.plain_names import as_named_in, plain_name
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import NYUD, demt, head_tasks

timm = pytest.importorskip('timm', reason='pip install mmmtl[lite]')

NETWORKS = {
    'convnext_tiny': dict(depths=(1, 2, 1, 1), dims=(8, 16, 32, 64)),
    'vit_small_patch16_dinov3': dict(embed_dim=16, depth=4, num_heads=2),
}
LEVELS = dict(features_only=True, out_indices=(0, 1, 2, 3))


def config_of(network: str, init_cfg: Any = None) -> dict[str, Any]:
    backbone = dict(
        type='mmpretrain.TIMMBackbone',
        model_name=network,
        init_cfg=init_cfg,
        **NETWORKS[network],
        **LEVELS,
    )
    widths = NETWORKS[network].get('dims', (16,) * 4)
    config = demt() | dict(backbone=backbone)
    del config['neck']
    config['decode_head'] = dict(
        type='PerTaskHeads',
        tasks=head_tasks(NYUD),
        in_channels=list(widths),
        channels=8,
    )
    return config


@pytest.mark.parametrize('network', NETWORKS)
def test_timms_weights_give_timms_features(
    network: str, tmp_path: Path
) -> None:
    """Named as timm publishes them, they are not as features_only has them."""
    torch.manual_seed(0)
    published = timm.create_model(network, **NETWORKS[network]).eval()
    state = name_as_timm_backbone(f'timm://{network}', published.state_dict())
    path = tmp_path / 'weights.pth'
    torch.save(state, path)
    config = config_of(network, dict(type='Pretrained', checkpoint=str(path)))
    model = build_in_scope(MODELS, config)
    own = model.backbone.state_dict()
    assert len(set(own) & set(state)) < len(own) / 2
    check_pretrained_fit(dict(model=config), model)
    model.init_weights()
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        found = model.eval().backbone(image)
        wanted = published.forward_intermediates(
            image, indices=[0, 1, 2, 3], intermediates_only=True
        )
    for level, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(level, want)


def test_names_that_no_library_changed_stay() -> None:
    """Also when they were made plain before."""
    names = [
        *build_in_scope(MODELS, demt()).state_dict(),
        *(
            f'timm_model.{n}'
            for n in timm.create_model('tf_efficientnet_lite0').state_dict()
        ),
    ]
    assert [plain_name(name) for name in names] == names
    plain = 'backbone.timm_model.stages.0.blocks.1.norm.weight'
    assert plain_name(plain.replace('stages.0', 'stages_0')) == plain
    assert plain_name('layers.0.qkv.base_layer.bias') == 'layers.0.qkv.bias'


def test_unknown_names_are_kept() -> None:
    state = {'weight': torch.ones(2), 'other': torch.zeros(1)}
    found = as_named_in(torch.nn.Linear(1, 1), state)
    assert list(found) == ['weight', 'other']


@pytest.mark.parametrize('order', [1, -1])
def test_a_tensor_under_both_names_is_refused(order: int) -> None:
    """Otherwise the last of the two in the file would be taken."""
    names = ['qkv.weight', 'qkv.base_layer.weight'][::order]
    state = {name: torch.ones(2, 2) for name in names}
    part = torch.nn.ModuleDict({'qkv': torch.nn.Linear(2, 2)})
    with pytest.raises(UserError, match=r'hold qkv\.weight twice'):
        as_named_in(part, state)
