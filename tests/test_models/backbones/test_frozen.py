"""A frozen backbone: no gradient, no new statistics, no optimizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import SGD

from mmmtl.engine.runner import leave_out_frozen
from mmmtl.registry import MODELS, build_in_scope
from tests.test_models.backbones.training import bytes_of, runner_of
from tests.tiny import demt


def frozen(**changes: Any) -> dict[str, Any]:
    """A frozen ResNet, which has norms with statistics, under DeMT."""
    config = demt()
    config['backbone'] = dict(
        type='ResNetV1c',
        depth=18,
        base_channels=8,
        stem_channels=8,
        norm_cfg=dict(type='BN'),
    )
    return config | dict(frozen_backbone=True) | changes


def test_a_training_changes_no_byte_of_a_frozen_backbone(
    tmp_path: Path,
) -> None:
    runner = runner_of(frozen(), tmp_path)
    before = bytes_of(runner.model.backbone)
    others = bytes_of(runner.model.decode_head)
    model = runner.train()
    assert bytes_of(model.backbone) == before
    assert bytes_of(model.decode_head) != others


def test_a_backbone_that_is_not_frozen_changes(tmp_path: Path) -> None:
    """Its statistics, too."""
    runner = runner_of(frozen(frozen_backbone=False), tmp_path, steps=1)
    before = bytes_of(runner.model.backbone)
    after = bytes_of(runner.train().backbone)
    changed = {name for name in before if before[name] != after[name]}
    assert 'layer1.0.conv1.weight' in changed
    assert 'layer1.0.bn1.running_mean' in changed


def test_a_frozen_backbone_stays_in_evaluation_mode() -> None:
    model = build_in_scope(MODELS, frozen()).train()
    assert model.training
    assert model.decode_head.training
    assert not any(module.training for module in model.backbone.modules())


@pytest.mark.parametrize(
    'paramwise', [None, dict(custom_keys=dict(neck=dict(lr_mult=0.1)))]
)
def test_an_optimizer_has_what_learns(paramwise: Any, tmp_path: Path) -> None:
    wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=0.1),
        paramwise_cfg=paramwise,
    )
    runner = runner_of(frozen(), tmp_path)
    groups = runner.build_optim_wrapper(wrapper).optimizer.param_groups
    found = {id(p) for group in groups for p in group['params']}
    assert found == {
        id(parameter)
        for name, parameter in runner.model.named_parameters()
        if not name.startswith('backbone.')
    }
    assert all(group['params'] for group in groups)


def test_frozen_parameters_leave_an_optimizer_and_its_settings_stay() -> None:
    learns, rests = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    rests.requires_grad_(False)
    optimizer = SGD(
        [dict(params=[rests], lr=1.0), dict(params=[rests.clone(), learns])],
        lr=2.0,
    )
    leave_out_frozen(optimizer)
    (group,) = optimizer.param_groups
    assert group['lr'] == 2.0
    assert group['params'] == [learns]


def test_a_frozen_backbone_cannot_have_adapters() -> None:
    lora = dict(r=2, target_modules=['conv1'])
    with pytest.raises(ValueError, match=r"lora=\{'r': 2.*never learn"):
        build_in_scope(MODELS, frozen(lora=lora))
