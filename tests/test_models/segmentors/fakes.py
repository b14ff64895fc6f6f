"""A model without weights whose answers are known for every image."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmmtl.models.decode_heads import BaseMultiTaskHead
from mmmtl.models.segmentors import MultiTaskSegmentor
from tests.tiny import NYUD, head_tasks

CLASSES = 3
# Per class; whole grey levels do not tie.
GAINS = torch.tensor([1.0, 1.03, 0.97]).view(3, 1, 1) / 20


class Camera(BaseModule):
    """The image itself is the pyramid."""

    def forward(self, inputs: Tensor) -> tuple[Tensor]:
        return (inputs,)


class GradientHead(BaseMultiTaskHead):
    """Answers that turn, mirror and zoom with the image, as true ones do.

    Depth is how fast channel 0 changes from row to row: half as fast in an
    image twice as large. Normals are the gradient of channel 1. Classes and
    edges are read off the colours at a pixel.
    """

    def forward(self, inputs: tuple[Tensor]) -> dict[str, Tensor]:
        image = inputs[0]
        across = F.pad(image, (1, 1, 0, 0), mode='replicate').diff(dim=-1)
        down = F.pad(image, (0, 0, 1, 1), mode='replicate').diff(dim=-2)
        dx = (across[..., 1:] + across[..., :-1])[:, 1:2] / 2
        dy = (down[..., 1:, :] + down[..., :-1, :]) / 2
        # As steep as the slopes, so that a zoom leaves the direction.
        towards = -(dx.abs() + dy[:, 1:2].abs() + 1e-6)
        return {
            'semseg': image * GAINS,
            'depth': dy[:, :1],
            'normals': torch.cat([dx, dy[:, 1:2], towards], dim=1),
            'edge': (image[:, 2:] - 60) / 30,
        }


def fake_model(**arguments: Any) -> MultiTaskSegmentor:
    return MultiTaskSegmentor(
        **dict(
            backbone=dict(type=Camera),
            decode_head=dict(
                type=GradientHead,
                tasks=head_tasks(NYUD, dict(semseg=CLASSES)),
            ),
            data_preprocessor=dict(type='MultiTaskDataPreprocessor'),
        )
        | arguments
    ).eval()
