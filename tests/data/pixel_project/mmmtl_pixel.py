"""A model whose predictions are formulas of the pixel's own colour."""

import torch
from mmengine.model import BaseModel
from torch import nn

from mmmtl.models.postprocess import undo_augmentation
from mmmtl.registry import MODELS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task


@MODELS.register_module()
class PixelModel(BaseModel):
    """Metres are blue / 100 * scale, classes whether red exceeds blue."""

    tasks = ('semseg', 'depth', 'normals', 'edge')

    def __init__(self, *, data_preprocessor: dict, norm: str = 'BN') -> None:
        super().__init__(MODELS.build(data_preprocessor))
        self.scale = nn.Parameter(torch.ones(()))
        self.norm = getattr(nn, norm)(3, affine=False, eps=0)

    def forward(
        self, inputs: torch.Tensor, data_samples: list, mode: str = 'tensor'
    ) -> list[MultiTaskDataSample]:
        assert mode == 'predict'
        found = self._maps(inputs, data_samples, 'decode')
        for sample, maps in zip(data_samples, found, strict=True):
            for task, prediction in maps.items():
                sample.set_pred(task, prediction)
        return data_samples

    def predict_soft(self, inputs: torch.Tensor, data_samples: list) -> list:
        return self._maps(inputs, data_samples, 'activate')

    def _maps(
        self, inputs: torch.Tensor, data_samples: list, then: str
    ) -> list[dict[str, torch.Tensor]]:
        assert not torch.is_grad_enabled()
        blue, green, red = self.norm(inputs).split(1, dim=1)
        logits = {
            'semseg': torch.cat([blue, red], 1),
            'depth': blue / 100 * self.scale,
            'normals': torch.cat([red, green, -1 - blue], 1),
            'edge': green - 128,
        }
        return [
            {
                task: undo_augmentation(
                    task,
                    values[index],
                    sample.metainfo,
                    then=getattr(get_task(task).kind, then),
                )
                for task, values in logits.items()
            }
            for index, sample in enumerate(data_samples)
        ]
