"""LoRA: what learns, how it is merged, saved and resumed."""

from __future__ import annotations

import builtins
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmmtl.apis import init_model
from mmmtl.engine.checkpoint import (
    ForeignCheckpointError,
    load_checkpoint_strict,
)
from mmmtl.errors import UserError
from mmmtl.models.backbones.lora import add_lora, merge_lora
from mmmtl.registry import MODELS, build_in_scope
from tests.test_models.backbones.training import bytes_of, runner_of, vit
from tests.tiny import NYUD, demt, random_batch

pytest.importorskip('peft', reason='LoRA needs peft: pip install mmmtl[lora]')

LORA = dict(r=4, lora_alpha=8, target_modules=['qkv', 'proj'])


def predictions(model: torch.nn.Module) -> list[torch.Tensor]:
    torch.manual_seed(7)
    batch = random_batch(NYUD, 2, (64, 64))
    with torch.no_grad():
        samples = model.eval().test_step(batch)
    return [sample.get_pred(task) for sample in samples for task in NYUD]


def test_only_adapters_of_a_backbone_learn(tmp_path: Path) -> None:
    runner = runner_of(demt() | dict(lora=LORA), tmp_path)
    before = bytes_of(runner.model)
    after = bytes_of(runner.train())
    changed = {name for name in before if before[name] != after[name]}
    changed = {name for name in changed if name.startswith('backbone.')}
    assert changed == {
        name for name in before if re.search(r'\.lora_[AB]\.', name)
    }
    # qkv and proj of four blocks of widths 8 to 64: r (in + out) each.
    size = sum(4 * (w + 3 * w) + 4 * (w + w) for w in (8, 16, 32, 64))
    in_optimizer = runner.optim_wrapper.param_groups[0]['params']
    ours = {id(p) for p in runner.model.backbone.parameters()}
    assert sum(p.numel() for p in in_optimizer if id(p) in ours) == size


def test_adapters_start_at_zero_whatever_initialises_linear_layers() -> None:
    backbone = vit() | dict(
        init_cfg=dict(type='Constant', layer='Linear', val=0.1)
    )
    config = demt() | dict(backbone=backbone, lora=LORA)
    model = build_in_scope(MODELS, config)
    model.init_weights()
    state = model.backbone.state_dict()
    assert (state['layers.0.attn.qkv.base_layer.weight'] == 0.1).all()
    added = [state[name] for name in state if '.lora_B.' in name]
    assert len(added) == 8
    assert all(not weight.any() for weight in added)
    assert state['layers.0.attn.qkv.lora_A.default.weight'].std() > 0


def test_a_merged_checkpoint_is_of_the_plain_config(
    tmp_path: Path, repo_root: Path
) -> None:
    runner = runner_of(demt() | dict(lora=LORA), tmp_path)
    adapted = runner.train()
    config = tmp_path / 'lora.py'
    Config(dict(model=demt() | dict(lora=LORA))).dump(config)
    tool = repo_root / 'tools' / 'model_converters' / 'merge_lora.py'
    found = subprocess.run(
        [
            *(sys.executable, str(tool), str(config)),
            *(str(tmp_path / f'{name}.pth') for name in ('iter_2', 'merged')),
        ],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert '8 layers merged' in found.stdout
    plain = init_model(Config(dict(model=demt())), tmp_path / 'merged.pth')
    start = build_in_scope(MODELS, demt())
    assert set(plain.state_dict()) == set(start.state_dict())
    for found, wanted in zip(
        predictions(plain), predictions(adapted), strict=True
    ):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_adapters_change_what_is_predicted(tmp_path: Path) -> None:
    """Without this, merging them could not be seen."""
    model = runner_of(demt() | dict(lora=LORA), tmp_path).train()
    trained = predictions(model)
    for name, parameter in model.backbone.named_parameters():
        if '.lora_B.' in name:
            torch.nn.init.zeros_(parameter)
    depths = [pair[1::4] for pair in (trained, predictions(model))]
    assert (depths[0][0] - depths[1][0]).abs().max() > 1e-3


def test_a_resumed_training_is_the_same(tmp_path: Path) -> None:
    """The same weights and state of AdamW as without the break."""
    config = demt() | dict(lora=LORA)
    wanted = bytes_of(runner_of(config, tmp_path / 'whole', 3).train())
    resumed = runner_of(
        config,
        tmp_path / 'resumed',
        3,
        load_from=str(tmp_path / 'whole' / 'iter_1.pth'),
        resume=True,
    )
    assert bytes_of(resumed.train()) == wanted


def test_published_weights_fill_an_adapted_backbone(tmp_path: Path) -> None:
    start = build_in_scope(MODELS, demt())
    start.init_weights()
    path = tmp_path / 'backbone.pth'
    torch.save(start.backbone.state_dict(), path)
    config = demt() | dict(lora=LORA)
    config['backbone'] = config['backbone'] | dict(
        init_cfg=dict(type='Pretrained', checkpoint=str(path))
    )
    runner = runner_of(config, tmp_path / 'run')
    merge_lora(runner.model.backbone)
    assert bytes_of(runner.model.backbone) == bytes_of(start.backbone)


def test_a_plain_checkpoint_lacks_the_adapters_and_a_part_of_it_fits(
    tmp_path: Path,
) -> None:
    start = build_in_scope(MODELS, demt())
    path = tmp_path / 'plain.pth'
    torch.save(start.state_dict(), path)
    adapted = build_in_scope(MODELS, demt() | dict(lora=LORA))
    with pytest.raises(ForeignCheckpointError, match='missing'):
        load_checkpoint_strict(adapted, path)
    runner = runner_of(
        demt() | dict(lora=LORA),
        tmp_path / 'run',
        load_from=str(path),
        load_from_strict=False,
    )
    runner.load_or_resume()
    merge_lora(runner.model.backbone)
    assert bytes_of(runner.model) == bytes_of(start)


def test_attention_of_torch_is_merged() -> None:
    """MiT has it; its projection is a layer with an adapter of its own."""
    torch.manual_seed(0)
    backbone = build_in_scope(
        MODELS,
        dict(
            type='MixVisionTransformer',
            embed_dims=8,
            num_layers=[1] * 4,
            num_heads=[1, 1, 2, 2],
        ),
    ).eval()
    names, image = set(backbone.state_dict()), torch.rand(1, 3, 64, 64)
    plain = backbone(image)[-1]
    add_lora(backbone, dict(r=4, target_modules=['attn.attn']))
    for name, parameter in backbone.named_parameters():
        if '.lora_' in name:
            torch.nn.init.normal_(parameter, std=0.1)
    adapted = backbone(image)[-1]
    assert merge_lora(backbone) == 4
    assert (adapted - plain).abs().max() > 0.01
    torch.testing.assert_close(backbone(image)[-1], adapted)
    assert set(backbone.state_dict()) == names


def test_a_missing_peft_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = builtins.__import__

    def without_peft(name: str, *args: Any, **more: Any) -> Any:
        if name == 'peft':
            raise ImportError(name)
        return find(name, *args, **more)

    monkeypatch.setattr(builtins, '__import__', without_peft)
    with pytest.raises(UserError, match=r"pip install 'mmmtl\[lora\]'"):
        add_lora(torch.nn.Linear(2, 2), LORA)


def test_a_layer_that_is_not_there_is_named() -> None:
    lora = dict(r=4, target_modules=['query'])
    with pytest.raises(ValueError, match='query'):
        build_in_scope(MODELS, demt() | dict(lora=lora))
