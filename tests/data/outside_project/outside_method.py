"""A method and a weighting of one's own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from mmmtl.models.decode_heads import BaseMultiTaskHead
from mmmtl.models.losses.by_task import TaskLosses, is_loss
from mmmtl.models.weighting import LossWeighting
from mmmtl.registry import MODELS


@MODELS.register_module()
class PointwiseHead(BaseMultiTaskHead):
    """A 1x1 convolution per task, on the finest level."""

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        in_channels: Sequence[int],
        init_cfg: Any = None,
    ) -> None:
        super().__init__(tasks=tasks, init_cfg=init_cfg)
        self.outs = nn.ModuleDict(
            {
                task: nn.Conv2d(in_channels[0], output.channels, 1)
                for task, output in self.outputs.items()
            }
        )

    def forward(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        return {task: out(inputs[0]) for task, out in self.outs.items()}


@MODELS.register_module()
class UnitWeighting(LossWeighting):
    """Every loss is divided by its value: all count 1."""

    def __init__(self, *, tasks: Iterable[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)

    def check(self, tasks: Iterable[str]) -> None:
        del tasks

    def forward(
        self, losses: Mapping[str, Mapping[str, Tensor]]
    ) -> TaskLosses:
        return {
            task: {
                name: value / value.detach().clamp(min=1e-6)
                if is_loss(name)
                else value
                for name, value in values.items()
            }
            for task, values in losses.items()
        }
