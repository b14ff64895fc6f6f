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
    * Any decode head of mmsegmentation that makes one map from the features
      may take the place of the convolutions, task by task; ``docs/heads.md``
      lists them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from mmseg.models.decode_heads import DPTHead
from torch import Tensor, nn

from mmmtl.errors import did_you_mean
from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.decode_heads.task_outputs import TaskOutput
from mmmtl.models.layers.conv_norm import OutputLayers
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.registry import MODELS, build_in_scope

# mmseg's arguments that follow from the task, or would have no effect here.
_OURS = ('num_classes', 'out_channels', 'loss_decode', 'threshold')

# A map (B, C, h, w), or a transformer's map and class token (B, C).
Level = Tensor | Sequence[Tensor]


@MODELS.register_module()
class PerTaskHeads(BaseMultiTaskHead):
    """One decoder per task: our convolutions, or a decode head of mmseg."""

    STARTS_AT_BIAS: ClassVar[bool] = True

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
                ``tasks``, the head's own loss is not used; of several
                outputs the first is taken, as mmseg predicts.
            norm_cfg: Norm of the convolutions; BatchNorm if None.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If ``heads`` names a task that is not among
                ``tasks``, or one of its configs sets what the task decides.
        """
        super().__init__(tasks=tasks, init_cfg=init_cfg)
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
                task: MMSegDecoder(heads[task], output=output)
                if task in heads
                else OutputLayers(
                    total,
                    channels=channels or total // 4,
                    out_channels=output.channels,
                    initial_bias=output.initial_bias,
                    norm_cfg=norm_cfg,
                )
                for task, output in self.outputs.items()
            }
        )

    def forward(self, inputs: Sequence[Level]) -> TaskMaps:
        """Decode a pyramid.

        Args:
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first; each may
                have a class token ``(B, C_i)`` beside it, which our
                convolutions do not read.

        Returns:
            ``{task: (B, K, h, w)}`` logits; ``(h, w)`` is the size of the
            finest level, unless mmseg's head decides otherwise.
        """
        joined = None
        if any(isinstance(d, OutputLayers) for d in self.decoders.values()):
            joined = self._join(inputs)
        return {
            task: decoder(
                joined if isinstance(decoder, OutputLayers) else inputs
            )
            for task, decoder in self.decoders.items()
        }

    @staticmethod
    def _join(inputs: Sequence[Level]) -> Tensor:
        maps = [_split(level)[0] for level in inputs]
        size = tuple(maps[0].shape[-2:])
        return torch.cat(
            [resize_bilinear(level, size) for level in maps], dim=1
        )


class MMSegDecoder(nn.Module):
    """The layers of a decode head of mmseg, without its loss."""

    def __init__(
        self, config: Mapping[str, Any], *, output: TaskOutput
    ) -> None:
        """Build mmseg's head.

        Args:
            config: Config of the head, without its number of classes.
            output: What the task needs.

        Raises:
            ValueError: If the config sets what the task decides, or the
                head needs more than the features.
        """
        super().__init__()
        where = f'heads.{output.task}'
        set_here = [key for key in _OURS if key in config]
        if set_here:
            raise ValueError(
                f'{where} sets {set_here}: channels and loss come from '
                f'tasks.{output.task}, leave them out'
            )
        # mmseg warns about one class without a threshold, and about two.
        own = dict(num_classes=output.channels, out_channels=output.channels)
        cut = dict(threshold=0.5) if output.channels == 1 else {}
        self.head = build_in_scope(MODELS, {**config, **own, **cut})
        _check_needs_features_only(self.head, where)
        self.head.loss_decode = nn.Identity()
        self.initial_bias = output.initial_bias

    def forward(self, pyramid: Sequence[Level]) -> Tensor:
        """Return the ``(B, K, h, w)`` logits of a pyramid."""
        logits = self.head([self._read(level) for level in pyramid])
        # Side outputs for a loss of the head's own come after the map.
        logits = logits[0] if isinstance(logits, tuple) else logits
        # Added, not set: mmseg's heads initialise themselves.
        return logits + self.initial_bias if self.initial_bias else logits

    def _read(self, level: Level) -> Level:
        """Return a level in the form that the head takes."""
        feature, *token = _split(level)
        # Some heads of mmseg read the levels as tokens.
        feature = contiguous_gradient(feature)
        if not isinstance(self.head, DPTHead):
            return feature
        # Few backbones give the class token that DPT can add to every pixel.
        return [feature, *(token or [feature.mean((2, 3))])]


def _split(level: Level) -> Sequence[Tensor]:
    """Return a level's map, and its class token where it has one."""
    return [level] if isinstance(level, Tensor) else level


def _check_needs_features_only(head: nn.Module, where: str) -> None:
    needs = [
        name
        for name, parameter in inspect.signature(
            head.forward
        ).parameters.items()
        if parameter.default is parameter.empty
    ]
    if len(needs) != 1:
        raise ValueError(
            f'{where}: {type(head).__name__}.forward needs {needs}: such a '
            'head refines the map of another one, or has a loss of its own, '
            'and cannot decode a task alone; docs/heads.md lists those that '
            'can'
        )
