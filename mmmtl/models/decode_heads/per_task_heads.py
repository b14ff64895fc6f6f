"""The baselines: one decoder per task on a shared backbone, nothing between.

Source: the FCN head of brdav/atrc, to which ATRC, DeMT and MQTransformer
compare; with one task it is their single-task baseline.

Faithful:
    * All levels are resized (bilinear) to the finest and concatenated; per
      task a 3x3 convolution to a quarter of their channels, BatchNorm, ReLU
      and a 1x1 convolution, whose weights start at N(0, 0.01).

Departs:
    * ``channels`` may be given: a quarter of Swin's channels makes the
      baseline's head several times as large as those it is compared with.
    * Any decode head of mmsegmentation may take the place of the
      convolutions, task by task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.registry import DefaultScope
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmmtl.errors import did_you_mean
from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.decode_heads.task_outputs import TaskOutput
from mmmtl.models.layers.argument_checks import check_in_channels
from mmmtl.models.layers.conv_norm import ConvOutput
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.models.layers.level_check import check_level_channels
from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.registry import MODELS, SCOPE, build_in_scope


@MODELS.register_module()
class PerTaskHeads(BaseMultiTaskHead):
    """One decoder per task: our convolutions, or a decode head of mmseg."""

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        in_channels: Sequence[int],
        channels: int | None = None,
        heads: Mapping[str, Mapping[str, Any]] | None = None,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build a decoder per task.

        Args:
            tasks: See :class:`BaseMultiTaskHead`.
            in_channels: Channels of each level of the pyramid, finest first.
            channels: Width before the last layer; a quarter of the sum of
                ``in_channels`` if None.
            heads: Config of an mmseg decode head by task; tasks that are not
                named get the convolutions. ``num_classes`` is set from
                ``tasks``, the head's own loss is not used.
            norm_cfg: Norm of the convolutions; BatchNorm if None.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If there is no level, or ``heads`` names a task that
                is not among ``tasks``.
        """
        super().__init__(tasks=tasks, init_cfg=init_cfg)
        self.in_channels = check_in_channels(in_channels)
        heads = heads or {}
        for task in heads:
            if task not in self.outputs:
                raise ValueError(
                    f'heads.{task} is for no task of this head: '
                    f'{did_you_mean(task, self.tasks)}'
                )
        total = sum(in_channels)
        self.decoders = nn.ModuleDict(
            {
                task: ForeignHead(heads[task], output=output)
                if task in heads
                else ConvOutput(
                    total,
                    channels=channels or total // 4,
                    out_channels=output.channels,
                    initial_bias=output.initial_bias,
                    norm_cfg=norm_cfg,
                )
                for task, output in self.outputs.items()
            }
        )

    def forward(self, inputs: Sequence[Tensor]) -> TaskMaps:
        """Decode a pyramid.

        Args:
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first.

        Returns:
            ``{task: (B, K, h, w)}`` logits; ``(h, w)`` is the size of the
            finest level, unless mmseg's head decides otherwise.

        Raises:
            ValueError: If the levels do not have the configured channels.
        """
        check_level_channels(inputs, self.in_channels)
        if any(isinstance(d, ConvOutput) for d in self.decoders.values()):
            joined = self._join(inputs)
        return {
            task: decoder(
                joined if isinstance(decoder, ConvOutput) else inputs
            )
            for task, decoder in self.decoders.items()
        }

    @staticmethod
    def _join(inputs: Sequence[Tensor]) -> Tensor:
        size = tuple(inputs[0].shape[-2:])
        return torch.cat(
            [resize_bilinear(level, size) for level in inputs], dim=1
        )


# Set from the task, or of no use because our losses and decoding are used.
_OURS = ('num_classes', 'out_channels', 'loss_decode', 'threshold')


class ForeignHead(nn.Module):
    """Gives the logits of an mmseg decode head; its loss is left out."""

    def __init__(
        self, config: Mapping[str, Any], *, output: TaskOutput
    ) -> None:
        """Build mmseg's head.

        Args:
            config: Config of the head, without its number of classes.
            output: What the task needs.

        Raises:
            ValueError: If the config sets what the task decides, or is not
                that of an mmseg decode head.
        """
        super().__init__()
        where = f'heads.{output.task}'
        set_here = [key for key in _OURS if key in config]
        if set_here:
            raise ValueError(
                f'{where} sets {set_here}: channels and loss come from '
                f'tasks.{output.task}, leave them out'
            )
        if output.initial_bias:
            raise ValueError(
                f'tasks.{output.task}.initial_bias={output.initial_bias}: '
                f'{where} initialises itself, leave it out'
            )
        # mmseg warns about one class without a threshold, and about two.
        own = dict(num_classes=output.channels, out_channels=output.channels)
        if output.channels == 1:
            own['threshold'] = 0.5
        self.head = build_in_scope(MODELS, {**_checked(config, where), **own})
        self.head.loss_decode = nn.Identity()
        self.task = output.task

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Return the ``(B, K, h, w)`` logits of a pyramid.

        Raises:
            ValueError: If the head gives something else than logits.
        """
        # Some heads of mmseg read the levels as tokens.
        logits = self.head([contiguous_gradient(level) for level in pyramid])
        if not isinstance(logits, Tensor):
            raise ValueError(
                f'{type(self.head).__name__} of task {self.task!r} gives a '
                f'{type(logits).__name__}, not logits: choose a head with '
                'one output'
            )
        return logits


def _checked(config: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    with DefaultScope.overwrite_default_scope(SCOPE):
        kind = MODELS.get(config.get('type', ''))
    # An unknown type is refused, with its near misses, when it is built.
    if kind is not None and not issubclass(kind, BaseDecodeHead):
        raise ValueError(
            f'{where}.type={config["type"]!r} is no decode head of mmseg'
        )
    return config
