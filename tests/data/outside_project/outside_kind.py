"""A kind of one's own, with its decoding, loss and metric: directions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.registry import METRICS, MODELS
from mmmtl.tasks import Kind, Primary, register_kind, register_task


@register_kind('direction')
@dataclass(frozen=True)
class Direction(Kind):
    """Degrees in the picture, from x to y; NaN is "no label".

    The network gives cosine and sine, so that 359 is near 1.
    """

    no_label = float('nan')
    loss = {'type': 'DirectionLoss'}
    metric = {'type': 'DirectionMetric'}
    primary = Primary('mean_err', lower_is_better=True)
    painter = 'grey'
    unit = 'degree'

    def valid(self, label: Any) -> Any:
        same = label == label
        if isinstance(label, Tensor):
            return same.any(dim=-3, keepdim=True)
        return same.any(axis=-3, keepdims=True)

    def flip(self, values: Any, direction: str, *, axis: int) -> Any:
        # What `activate` gives, or degrees: a label, a prediction.
        if isinstance(values, Tensor) and values.shape[axis] == 2:
            signs = [-1, 1] if direction == 'horizontal' else [1, -1]
            return values * values.new_tensor(signs).view(2, 1, 1)
        return ((180 if direction == 'horizontal' else 360) - values) % 360

    def turn(self, values: Any, degrees: float, *, axis: int) -> Any:
        return (values - degrees) % 360

    def difference(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        apart = abs(now - before)[0] % 360
        return np.minimum(apart, 360 - apart)

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        return (2,)

    def activate(self, logits: Tensor) -> Tensor:
        return F.normalize(logits, dim=-3)

    def finalize(self, soft: Tensor) -> Tensor:
        cos, sin = soft.unbind(-3)
        return (torch.atan2(sin, cos).rad2deg() % 360).unsqueeze(-3)

    def statistics(self, values: Tensor) -> Tensor:
        radians = values[0].double().deg2rad()
        return torch.stack([radians.cos().sum(), radians.sin().sum()])

    def best_constant(self, statistics: Tensor) -> Tensor:
        return self.finalize(statistics.view(2, 1, 1)).float().view(1)

    def read(self, stored: np.ndarray) -> np.ndarray:
        return stored.astype(np.float32)


@MODELS.register_module()
class DirectionLoss(nn.Module):
    loss_name = 'loss_direction'

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        valid = label == label
        radians = torch.where(valid, label, 0.0).deg2rad()
        target = torch.cat([radians.cos(), radians.sin()], 1)
        error = (logits - target).abs() * valid
        return error.sum() / (2 * valid.sum()).clamp(min=1)


@METRICS.register_module()
class DirectionMetric(BaseTaskMetric):
    reports = ('mean_err',)
    errors = {'mean_err': 'degree'}

    def __init__(self, *, task: str) -> None:
        super().__init__(task=task)

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> tuple:
        apart = np.abs(prediction - label) % 360
        return (np.minimum(apart, 360 - apart).sum(),)

    def summarize(self, sums: tuple, count: int) -> dict[str, float]:
        return {'mean_err': float(sums[0] / count)}


register_task('aspect', kind='direction')
