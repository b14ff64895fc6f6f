"""Features that are computed once: the same training, in less time."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mmmtl.errors import UserError
from mmmtl.models.backbones.feature_cache import FeatureCache, key_of
from mmmtl.registry import DATASETS
from tests.test_models.backbones.training import (
    FourRandomSamples,
    bytes_of,
    runner_of,
    vit,
)
from tests.tiny import NYUD, demt, head_tasks


@DATASETS.register_module()
class FourFlippedAtTimes(FourRandomSamples):
    """Each image comes in two views, without its labels being turned."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __getitem__(self, index: int) -> dict[str, Any]:
        self.calls += 1
        sample = super().__getitem__(index)
        view = (self.calls // 5) % 2
        sample['inputs'] = torch.roll(sample['inputs'], view, dims=-1)
        return sample


def config(**changes: Any) -> dict[str, Any]:
    """A frozen ViT under one decoder per task."""
    model = demt() | dict(backbone=vit(), frozen_backbone=True) | changes
    del model['neck']
    model['decode_head'] = dict(
        type='PerTaskHeads',
        tasks=head_tasks(NYUD),
        in_channels=[16] * 4,
        channels=8,
    )
    return model


def train(
    folder: Path, hook: dict[str, Any] | None, batch_size: int = 3
) -> nn.Module:
    """Train on batches of some of four images, so that they mix."""
    hooks = [dict(type='FeatureCacheHook') | hook] if hook else []
    runner = runner_of(
        config(),
        folder,
        12,
        custom_hooks=hooks,
        train_dataloader=dict(
            batch_size=batch_size,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            dataset=dict(type='FourFlippedAtTimes'),
            num_workers=0,
        ),
        default_hooks=dict(checkpoint=None),
    )
    return runner.train()


@pytest.mark.parametrize('batch_size', [1, 3])
def test_a_training_on_kept_features_is_the_same_in_every_bit(
    batch_size: int, tmp_path: Path
) -> None:
    """As without a cache, and as when they are computed for the cache.

    Without a cache a backbone computes whole batches, which may round
    otherwise than one image alone: only one image is compared with that.
    """
    hook = dict(folder=str(tmp_path / 'features'), views=2)
    first = train(tmp_path / 'first', hook, batch_size)
    (views,) = (tmp_path / 'features').glob('*/views.txt')
    found = len(views.read_text().split())
    assert found == 8
    again = train(tmp_path / 'second', hook, batch_size)
    assert len(views.read_text().split()) == found
    assert bytes_of(again) == bytes_of(first)
    plain = train(tmp_path / 'plain', None, batch_size)
    if batch_size == 1:
        assert bytes_of(plain) == bytes_of(first)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(
            first.state_dict()[name], tensor, rtol=1e-3, atol=1e-3
        )


def test_a_backbone_computes_each_view_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmpretrain.models import VisionTransformer

    seen = []
    forward = VisionTransformer.forward

    def counting(self: nn.Module, inputs: torch.Tensor) -> Any:
        seen.append(len(inputs))
        return forward(self, inputs)

    monkeypatch.setattr(VisionTransformer, 'forward', counting)
    hook = dict(folder=str(tmp_path / 'features'), views=2)
    train(tmp_path / 'first', hook)
    assert sum(seen) == 8
    train(tmp_path / 'second', hook)
    assert sum(seen) == 8


def test_half_precision_rounds_features_by_a_two_thousandth(
    tmp_path: Path,
) -> None:
    """float16 has 11 significant bits."""
    torch.manual_seed(0)
    backbone = nn.Conv2d(3, 4, 3)

    def levels(inputs: torch.Tensor) -> tuple[torch.Tensor]:
        return (backbone(inputs).detach(),)

    images = torch.rand(2, 3, 8, 8)
    cache = FeatureCache(tmp_path, capacity=2, dtype='float16')
    (found,), (wanted,) = cache(levels, images), levels(images)
    assert not torch.equal(found, wanted)
    assert ((found - wanted).abs() <= wanted.abs() * 2**-11 + 1e-7).all()
    assert np.load(tmp_path / 'level00.npy').nbytes == wanted.numel() * 2


def test_images_that_never_come_back_are_no_fixed_set(tmp_path: Path) -> None:
    hook = dict(folder=str(tmp_path / 'features'), views=1)
    with pytest.raises(UserError, match='more than 4 different images'):
        train(tmp_path / 'run', hook)


def test_a_backbone_that_learns_has_no_cache(tmp_path: Path) -> None:
    runner = runner_of(
        config(frozen_backbone=False),
        tmp_path,
        custom_hooks=[
            dict(type='FeatureCacheHook', folder=str(tmp_path / 'f'))
        ],
    )
    with pytest.raises(UserError, match='frozen_backbone=True'):
        runner.train()


def test_other_weights_layers_or_settings_have_another_key() -> None:
    layer = nn.Conv2d(3, 4, 3)
    keys = {key_of(layer, 8, 'float32'), key_of(layer, 8, 'float16')}
    with torch.no_grad():
        layer.weight[0, 0, 0, 0] += 1e-6
    keys.add(key_of(layer, 8, 'float32'))
    layer.stride = (2, 2)
    keys.add(key_of(layer, 8, 'float32'))
    assert len(keys) == 4


def test_the_room_is_said_before_a_file_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 views of 4 x 6 x 6 float32: 576 bytes each."""
    said: list[str] = []
    monkeypatch.setattr(
        'mmmtl.models.backbones.feature_cache.print_log',
        lambda text, **_: said.append(text),
    )
    usage = type('Usage', (), dict(free=500_000))
    monkeypatch.setattr('shutil.disk_usage', lambda _: usage)
    cache = FeatureCache(tmp_path, capacity=1000)
    images = torch.rand(1, 3, 8, 8)
    with pytest.raises(UserError, match="dtype='float16'"):
        cache(lambda _: (torch.zeros(1, 4, 6, 6),), images)
    assert re.search(r'1000 views of 0.000576 MB need 0.000576 GB', said[0])
    assert list(tmp_path.glob('level*')) == []


def test_a_line_that_a_full_disk_has_cut_moves_no_row(tmp_path: Path) -> None:
    images = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 3, 2, 2)
    lines = tmp_path / 'views.txt'
    # Of the second image only a part of its line was written.
    for seen, cut in ((2, 5), (3, 0), (3, 0)):
        cache = FeatureCache(tmp_path, capacity=3)
        (found,) = cache(lambda view: (view * 2,), images[:seen])
        assert torch.equal(found, images[:seen] * 2)
        cache.close()
        text = lines.read_text()
        lines.write_text(text[: len(text) - cut])
    assert len(lines.read_text().splitlines()) == 3


@pytest.mark.skipif(
    not hasattr(os, 'posix_fallocate'), reason='this system reserves nothing'
)
def test_the_room_is_taken_at_once(tmp_path: Path) -> None:
    """Where others fill the disk later, a mapped page would be a bus error."""
    cache = FeatureCache(tmp_path, capacity=100)
    cache(lambda _: (torch.zeros(1, 4, 60, 60),), torch.rand(1, 3, 8, 8))
    found = (tmp_path / 'level00.npy').stat()
    assert found.st_blocks * 512 >= found.st_size > 100 * 4 * 60 * 60 * 4


def test_two_runs_do_not_write_into_one_cache(tmp_path: Path) -> None:
    first = FeatureCache(tmp_path, capacity=2)
    with pytest.raises(UserError, match=r'feature cache .* in use'):
        FeatureCache(tmp_path, capacity=2)
    first.close()
    FeatureCache(tmp_path, capacity=2).close()
