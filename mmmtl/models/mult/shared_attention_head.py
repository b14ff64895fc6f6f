"""MulT's decoder: from a pyramid to the logits of all tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from mmmtl.models.argument_checks import check_drop_path
from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.models.mult.decoder_stage import DecoderStage, plan_stages
from mmmtl.registry import MODELS
from mmmtl.tasks import get_task
from mmmtl.tasks.kinds import Depth, Normals


@MODELS.register_module()
class SharedAttentionHead(BaseMultiTaskHead):
    """One decoder per task; shared blocks compute one map for all of them.

    Kinds of blocks, by where query and key come from:

    ``private``
        Each task's own stream: a map per task.
    ``private_skip``
        The encoder's level, with each task's own weights: a map per task. In
        place of ``shared_skip`` it makes the same model without sharing.
    ``shared_skip``
        The encoder's level, with one set of weights: one map.
    ``shared_stream``
        The reference task's stream: one map.

    Every stage but the coarsest, where the streams start, needs a block that
    reads the encoder's level (``..._skip``). Otherwise what the encoder
    computes for that level alone would get no gradient.
    """

    STARTS_AT_BIAS: ClassVar[bool] = True

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        in_channels: Sequence[int],
        num_heads: Sequence[int] | None = None,
        blocks: Sequence[str] | Sequence[Sequence[str]] = (
            'private',
            'shared_skip',
        ),
        reference_task: str | None = None,
        window_size: int = 7,
        mlp_ratio: float = 4,
        drop_path_rate: float = 0.3,
        dropout_ratio: float = 0.1,
        with_cp: bool | Sequence[bool] = False,
        init_cfg: Any = None,
    ) -> None:
        """Build a stage per level of the pyramid.

        Args:
            tasks: See :class:`BaseMultiTaskHead`.
            in_channels: Channels of the encoder's levels, finest first; each
                twice the one before.
            num_heads: Heads by level, finest first; one per 32 channels, as
                in Swin, if None.
            blocks: Kinds of the blocks of every stage, or one such list per
                stage, coarsest first.
            reference_task: Whose queries and keys are shared. If None: the
                first one of normals, which the paper found best, else of
                depth, as in the released code, else the first task. Only
                ``shared_stream`` blocks use it: those of ``shared_skip``
                come from the encoder.
            window_size: Side of a window in pixels.
            mlp_ratio: Width of the MLPs over the width of their stage.
            drop_path_rate: Stochastic depth of the last block, in ``[0, 1)``.
            dropout_ratio: Share of channels dropped before the outputs.
            with_cp: Compute blocks again in the backward pass instead of
                keeping what is inside them; for all stages, or one flag per
                stage, coarsest first.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If a kind of block is unknown, a stage does not read
                the encoder, or the rate of stochastic depth is not in
                ``[0, 1)``.
        """
        super().__init__(tasks=tasks, init_cfg=init_cfg)
        check_drop_path(drop_path_rate=drop_path_rate)
        plans = plan_stages(
            in_channels=in_channels,
            num_heads=num_heads,
            blocks=blocks,
            with_cp=with_cp,
        )
        self.reference_task = reference_task or _best_reference(self.tasks)
        drop_paths = _grow(drop_path_rate, [len(p.blocks) for p in plans])
        self.stages = nn.ModuleList(
            DecoderStage(
                plan,
                tasks=self.tasks,
                reference=self.reference_task,
                window=window_size,
                mlp_ratio=mlp_ratio,
                drop_paths=rates,
                upsample=plan is not plans[-1],
            )
            for plan, rates in zip(plans, drop_paths, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout_ratio)
        self.classifiers = nn.ModuleDict(
            {
                task: nn.Conv2d(in_channels[0], output.channels, 1)
                for task, output in self.outputs.items()
            }
        )
        # Here and not in init_weights, which would overwrite what an
        # init_cfg of type Pretrained has loaded.
        for task, output in self.outputs.items():
            nn.init.normal_(self.classifiers[task].weight, std=0.01)
            nn.init.constant_(self.classifiers[task].bias, output.initial_bias)

    def forward(self, inputs: Sequence[Tensor]) -> TaskMaps:
        """Decode a pyramid.

        Args:
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first.

        Returns:
            ``{task: (B, K, h_0, w_0)}`` logits.
        """
        levels = [
            contiguous_gradient(level).permute(0, 2, 3, 1).contiguous()
            for level in inputs[::-1]
        ]
        sizes = [tuple(level.shape[1:3]) for level in levels[1:]]
        streams = dict.fromkeys(self.tasks, levels[0])
        for stage, skip, size in zip(
            self.stages, levels, [*sizes, None], strict=True
        ):
            streams = stage(streams, skip, size)
        return {
            # A channels-last view: the convolution reads it without a copy.
            task: self.classifiers[task](
                self.dropout(stream.permute(0, 3, 1, 2))
            )
            for task, stream in streams.items()
        }


def _best_reference(tasks: Sequence[str]) -> str:
    for kind in (Normals, Depth):
        for task in tasks:
            if isinstance(get_task(task).kind, kind):
                return task
    return tasks[0]


def _grow(rate: float, lengths: Sequence[int]) -> list[list[float]]:
    """Return rates that grow evenly from 0 to ``rate``, by stage."""
    total = sum(lengths)
    rates = iter(rate * i / max(total - 1, 1) for i in range(total))
    return [[next(rates) for _ in range(length)] for length in lengths]
