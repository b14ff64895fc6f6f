"""Trainings of a few steps through our runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmmtl.engine.runner import build_runner
from mmmtl.registry import DATASETS
from tests.tiny import NYUD, random_batch


@DATASETS.register_module()
class FourRandomSamples(Dataset):
    """The same four random images and labels each time."""

    metainfo: dict[str, Any] = {}

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.batch = random_batch(NYUD, 4, (64, 64))

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = {key: items[index] for key, items in self.batch.items()}
        return sample | dict(data_samples=sample['data_samples'].clone())


def runner_of(
    model: dict[str, Any], folder: Path, steps: int = 2, **changes: Any
) -> Runner:
    """Build a runner that saves a checkpoint after every step.

    Its model has the weights that a training starts from.
    """
    runner = build_runner(
        Config(
            dict(
                model=model,
                work_dir=str(folder),
                default_scope='mmmtl',
                randomness=dict(seed=0),
                train_dataloader=dict(
                    batch_size=2,
                    sampler=dict(type='InfiniteSampler', shuffle=False),
                    dataset=dict(type='FourRandomSamples'),
                    num_workers=0,
                ),
                train_cfg=dict(type='IterBasedTrainLoop', max_iters=steps),
                optim_wrapper=dict(
                    optimizer=dict(type='AdamW', lr=1e-2, weight_decay=0.1)
                ),
                default_hooks=dict(
                    checkpoint=dict(
                        type='CheckpointHook', by_epoch=False, interval=1
                    )
                ),
                log_level='ERROR',
                log_processor=dict(by_epoch=False),
            )
            | changes
        )
    )
    runner.model.init_weights()
    return runner


def vit() -> dict[str, Any]:
    """A vision transformer with four layers and four levels of 16."""
    return dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(
            embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32
        ),
        img_size=64,
        patch_size=16,
        out_type='featmap',
        out_indices=[0, 1, 2, 3],
    )


def bytes_of(module: torch.nn.Module) -> dict[str, bytes]:
    """Parameters and buffers of a module, bit by bit."""
    return {
        name: tensor.detach().contiguous().view(-1).numpy().tobytes()
        for name, tensor in module.state_dict().items()
    }
