"""A model, data set and metric small enough to try the tools on."""

import atexit
import os
import random
import sys
from pathlib import Path

import numpy as np
import torch
from mmcv.cnn import build_norm_layer
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from mmmtl.registry import DATASETS, METRICS, MODELS

WIDTH = 4


@atexit.register
def say_threads() -> None:
    """Say which threads of the process group outlive a run."""
    tasks = Path('/proc/self/task').glob('*/comm')
    names = [path.read_text().strip() for path in tasks]
    if 'RANK' in os.environ:
        gloo = [name for name in names if 'gloo' in name]
        # In one piece: the other processes write at the same time.
        sys.stdout.flush()
        os.write(1, f'threads at exit: {gloo}\n'.encode())


@MODELS.register_module()
class ToyBackbone(BaseModel):
    def __init__(
        self, *, norm_cfg: dict, depth: int = 1, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.conv = nn.Conv2d(1, WIDTH * depth, 1)
        self.norm = build_norm_layer(norm_cfg, WIDTH * depth)[1]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(inputs))


@MODELS.register_module()
class ToyModel(BaseModel):
    def __init__(
        self, *, backbone: dict, channels: int = WIDTH, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.backbone = MODELS.build(backbone)
        self.head = nn.Conv2d(channels, 1, 1)

    def forward(
        self, inputs: torch.Tensor, target: torch.Tensor, mode: str = 'tensor'
    ) -> object:
        out = self.head(self.dropout(self.backbone(inputs)))
        if mode == 'loss':
            return {'loss': (out - target).abs().mean()}
        if mode == 'predict':
            return [
                {'error': float((o - t).abs().mean())}
                for o, t in zip(out, target, strict=True)
            ]
        return out


@DATASETS.register_module()
class ToyDataset(Dataset):
    metainfo = {'classes': ('toy',)}

    def __init__(self, *, length: int = 16, noise: float = 0.0) -> None:
        self.length = length
        self.noise = noise

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        inputs = torch.full((1, 2, 2), float(index))
        if self.noise:
            draws = random.random(), np.random.rand(), torch.rand(()).item()
            inputs += self.noise * sum(draws)
        return {'inputs': inputs, 'target': 2 * inputs}


@METRICS.register_module()
class ToyError(BaseMetric):
    default_prefix = 'toy'

    def process(self, data_batch: dict, data_samples: list) -> None:
        self.results += [sample['error'] for sample in data_samples]

    def compute_metrics(self, results: list) -> dict:
        return {'error': sum(results) / len(results), 'count': len(results)}
