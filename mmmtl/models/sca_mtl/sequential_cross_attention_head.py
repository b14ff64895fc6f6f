"""SCA-MTL's decoder: from a pyramid to the logits of all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmmtl.models.argument_checks import check_choice
from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.decode_heads.task_outputs import TaskOutput
from mmmtl.models.layers.conv_norm import NormConfig, build_norm
from mmmtl.models.layers.pyramid_projection import project_levels
from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.models.sca_mtl.cross_scale_attention import CrossScale
from mmmtl.models.sca_mtl.cross_task_attention import (
    CrossTaskAttention,
    Fusion,
)
from mmmtl.models.sca_mtl.feature_propagation import FeaturePropagation, View
from mmmtl.models.sca_mtl.residual_block import ResidualBlock, fold_repeats
from mmmtl.models.sca_mtl.task_order import TaskOrder
from mmmtl.registry import MODELS

AttentionOrder = Literal['task_scale', 'scale_task']


@MODELS.register_module()
class SequentialCrossAttentionHead(BaseMultiTaskHead):
    """Tasks attend to each other at each scale, then scales in each task."""

    LEAST_TASKS: ClassVar[int] = 2
    STARTS_AT_BIAS: ClassVar[bool] = True

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        in_channels: Sequence[int],
        auxiliary_tasks: Mapping[str, Mapping[str, Any]] | None = None,
        channels: Sequence[int] | None = None,
        fpma_view: View = 'channel_major',
        ctam_fusion: Fusion = 'shared',
        with_ctam: bool = True,
        with_csam: bool = True,
        attention_order: AttentionOrder = 'task_scale',
        num_heads: int = 4,
        window_size: int = 7,
        with_cp: bool = False,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build the scales and the outputs.

        Args:
            tasks: See :class:`BaseMultiTaskHead`.
            in_channels: Channels of each level of the pyramid, finest first;
                behind :class:`WindowSelfAttention` twice the backbone's.
            auxiliary_tasks: See :class:`BaseMultiTaskHead`; they follow the
                main ones in every concatenation.
            channels: Width of the task features of each level; each level is
                projected to it first. None takes ``in_channels`` and
                projects nothing.
            fpma_view: How the propagation's mask groups channels:
                ``channel_major`` or ``task_major``.
            ctam_fusion: Whether the targets share the block that fuses what
                they get from other tasks: ``shared`` or ``per_task``.
            with_ctam: Whether tasks attend to each other at every scale.
            with_csam: Whether scales attend to coarser ones within a task;
                without, the levels alone are aggregated.
            attention_order: Which comes first, the attention across tasks
                (``task_scale``, as released) or across scales
                (``scale_task``).
            num_heads: Heads of the propagation's attention; divides tasks
                times channels of every level but the finest.
            window_size: Width of its windows.
            with_cp: Whether the final predictions are computed again in the
                backward pass, which saves their memory. Their BatchNorms
                then update running statistics twice a step.
            norm_cfg: The norms; BatchNorm if None.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If there are fewer than two tasks or an option is
                unknown.
        """
        super().__init__(
            tasks=tasks, auxiliary_tasks=auxiliary_tasks, init_cfg=init_cfg
        )
        check_choice(View, fpma_view=fpma_view)
        check_choice(Fusion, ctam_fusion=ctam_fusion)
        check_choice(AttentionOrder, attention_order=attention_order)
        self.in_channels = tuple(in_channels)
        self.channels = tuple(in_channels if channels is None else channels)
        self.tasks_first = attention_order == 'task_scale'
        self.with_cp = with_cp
        self.task_order = TaskOrder(self.supervised_tasks)
        self.projections = nn.ModuleList(
            nn.Identity() if channels is None else nn.Conv2d(source, width, 1)
            for source, width in zip(
                self.in_channels, self.channels, strict=True
            )
        )
        everything = self.outputs | self.auxiliary_outputs
        coarser = [*self.channels[1:], 0]
        self.scales = nn.ModuleList(
            ScaleTaskFeatures(
                width + more,
                channels=width,
                outputs=everything,
                norm_cfg=norm_cfg,
            )
            for width, more in zip(self.channels, coarser, strict=True)
        )
        self.interactions = nn.ModuleList(
            CrossTaskAttention(
                width,
                tasks=tuple(everything),
                # What feeds nothing but final predictions needs no others:
                # the finest level, and all levels after their attention.
                targets=tuple(everything)
                if level and self.tasks_first
                else self.tasks,
                fusion=ctam_fusion,
                norm_cfg=norm_cfg,
            )
            if with_ctam
            else nn.Identity()
            for level, width in enumerate(self.channels)
        )
        # The first one leads from level 1 to level 0.
        self.propagations = nn.ModuleList(
            FeaturePropagation(
                width,
                tasks=tuple(everything),
                view=fpma_view,
                num_heads=num_heads,
                window_size=window_size,
                norm_cfg=norm_cfg,
            )
            for width in self.channels[1:]
        )
        self.aggregations = nn.ModuleDict(
            {
                task: ScaleAggregation(
                    self.channels,
                    output=output,
                    with_attention=with_csam,
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
            ``{task: (B, K, h_0, w_0)}`` logits of the main tasks.
        """
        _, exchanged = self._exchange(inputs)
        return self._aggregate(exchanged)

    def forward_with_auxiliary(
        self, inputs: Sequence[Tensor]
    ) -> tuple[TaskMaps, dict[str, TaskMaps]]:
        """Decode a pyramid, initial predictions included.

        Args:
            inputs: As in :meth:`forward`.

        Returns:
            The logits, and ``{'scale_<k>': {task: (B, K, h_k, w_k)}}`` of
            main and auxiliary tasks, 0 the finest.
        """
        refined, exchanged = self._exchange(inputs)
        initial = {
            f'scale_{level}': scale.predict(features)
            for level, (scale, features) in enumerate(
                zip(self.scales, refined, strict=True)
            )
        }
        return self._aggregate(exchanged), initial

    def _exchange(
        self, inputs: Sequence[Tensor]
    ) -> tuple[list[TaskMaps], list[TaskMaps]]:
        """Return task features before and after the tasks' exchange.

        Where that comes last, both are the same.
        """
        refined: list[TaskMaps] = []
        exchanged: list[TaskMaps] = []
        carried: TaskMaps = {}
        for level in reversed(range(len(inputs))):
            shared = self.projections[level](inputs[level])
            own = self.scales[level](
                {
                    task: _beside(shared, carried.get(task))
                    for task in self.supervised_tasks
                }
            )
            mixed = self.interactions[level](own) if self.tasks_first else own
            refined.insert(0, own)
            exchanged.insert(0, mixed)
            if level:
                carried = self.propagations[level - 1](mixed)
        return refined, exchanged

    def _aggregate(self, levels: Sequence[TaskMaps]) -> TaskMaps:
        if not self.tasks_first:
            return self._aggregate_tasks_last(levels)
        return {
            task: self._recomputed(
                aggregation, [features[task] for features in levels]
            )
            for task, aggregation in self.aggregations.items()
        }

    def _aggregate_tasks_last(self, levels: Sequence[TaskMaps]) -> TaskMaps:
        """Attend across scales, then across tasks, and aggregate.

        Auxiliary tasks have no attention across scales: the others see their
        features as they are.
        """
        answers = {
            task: aggregation.cross_scale(
                [features[task] for features in levels]
            )
            for task, aggregation in self.aggregations.items()
        }
        mixed = [
            interaction(
                features
                | {
                    task: features[task] + _mean(own[level])
                    for task, own in answers.items()
                }
            )
            for level, (interaction, features) in enumerate(
                zip(self.interactions, levels, strict=True)
            )
        ]
        return {
            task: self._recomputed(
                aggregation.aggregate,
                [features[task] for features in mixed],
                answers[task],
            )
            for task, aggregation in self.aggregations.items()
        }

    def _recomputed(
        self, function: Callable[..., Tensor], *arguments: Any
    ) -> Tensor:
        """Call a function; with ``with_cp``, again in the backward pass."""
        if self.with_cp and torch.is_grad_enabled():
            return checkpoint(function, *arguments, use_reentrant=False)
        return function(*arguments)


def _mean(answers: Sequence[Tensor]) -> Tensor | float:
    """Return the mean of answers, 0 of none."""
    return sum(answers) / max(len(answers), 1)


def _beside(shared: Tensor, carried: Tensor | None) -> Tensor:
    """Concatenate what the coarser scale gives, where there is one."""
    if carried is None:
        return shared
    size = tuple(shared.shape[-2:])
    return torch.cat([shared, resize_bilinear(carried, size)], dim=1)


class ScaleTaskFeatures(nn.Module):
    """Two residual blocks per task, and a prediction from their result.

    As in PAD-Net and MTI-Net.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        channels: int,
        outputs: Mapping[str, TaskOutput],
        norm_cfg: NormConfig = None,
    ) -> None:
        """Build blocks and predictions.

        Args:
            in_channels: Channels that come in.
            channels: Width of the task features.
            outputs: What is predicted for each task.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        self.blocks = nn.ModuleDict(
            {
                task: nn.Sequential(
                    ResidualBlock(
                        in_channels, out_channels=channels, norm_cfg=norm_cfg
                    ),
                    ResidualBlock(
                        channels, out_channels=channels, norm_cfg=norm_cfg
                    ),
                )
                for task in outputs
            }
        )
        self.predictions = nn.ModuleDict(
            {
                task: nn.Conv2d(channels, output.channels, 1)
                for task, output in outputs.items()
            }
        )
        for task, output in outputs.items():
            nn.init.constant_(self.predictions[task].bias, output.initial_bias)

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Refine ``{task: (B, C_in, h, w)}`` to ``{task: (B, C, h, w)}``."""
        return {
            task: block(inputs[task]) for task, block in self.blocks.items()
        }

    def predict(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Predict ``{task: (B, K, h, w)}`` from refined features."""
        return {
            task: layer(features[task])
            for task, layer in self.predictions.items()
        }


class ScaleAggregation(nn.Module):
    """Cross-scale attention, aggregation, and the logits of one task."""

    def __init__(
        self,
        channels: Sequence[int],
        *,
        output: TaskOutput,
        with_attention: bool = True,
        norm_cfg: NormConfig = None,
    ) -> None:
        """Build the layers.

        Args:
            channels: Channels of each level, finest first.
            output: What is predicted.
            with_attention: Whether the levels attend to the coarser ones;
                without, they are aggregated alone.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        coarser = range(len(channels) - 1, -1, -1)
        # The plain formula is W concat_k(own_k, answer, own_k, answer, ...),
        # resized to the finest level. These are the columns of W by level.
        self.columns = [
            2 * width * count if count and with_attention else width
            for width, count in zip(channels, coarser, strict=True)
        ]
        width = sum(self.columns)
        self.cross_scale = (
            CrossScale(channels, norm_cfg=norm_cfg)
            if with_attention
            else _NoAnswers()
        )
        self.linear = nn.Linear(width, width)
        self.norm = build_norm(norm_cfg, width)
        self.classifier = nn.Conv2d(width, output.channels, 1)
        bias = self.classifier.get_parameter('bias')
        nn.init.constant_(bias, output.initial_bias)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Predict from a task's pyramid.

        Args:
            pyramid: Levels ``(B, C_k, h_k, w_k)``, finest first.

        Returns:
            ``(B, K, h_0, w_0)`` logits.
        """
        return self.aggregate(pyramid, self.cross_scale(pyramid))

    def aggregate(
        self, pyramid: Sequence[Tensor], answers: Sequence[Sequence[Tensor]]
    ) -> Tensor:
        """Predict from a task's pyramid and its attention across scales.

        Args:
            pyramid: As in :meth:`forward`.
            answers: What ``cross_scale`` gives.

        Returns:
            As :meth:`forward`.
        """
        # sum_k resize(W_k concat(own_k, answers_k)), own_k once by folding.
        weights = self.linear.weight.split(self.columns, dim=1)
        total = project_levels(
            (
                (
                    torch.cat([own, *others], dim=1),
                    fold_repeats(weight, len(others)),
                )
                for own, others, weight in zip(
                    pyramid, answers, weights, strict=True
                )
            ),
            self.linear.bias,
        )
        return self.classifier(F.relu(self.norm(total), inplace=True))


class _NoAnswers(nn.Module):
    """In the place of :class:`CrossScale`: no level gets an answer."""

    def forward(self, pyramid: Sequence[Tensor]) -> list[list[Tensor]]:
        return [[] for _ in pyramid]
