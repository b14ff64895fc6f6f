"""MulT's decoder: a windowed transformer per task, attention maps in common.

Source: "MulT: An End-to-End Multitask Learning Transformer", Bhattacharjee
et al., CVPR 2022; released code IVRL/MulT at d71bcbe (CC BY-NC-ND 3.0 in its
src folder; nothing of it is used here).

Faithful:
    * Every task's stream starts as the encoder's coarsest level. The finer
      levels enter through attention alone: nothing is added or concatenated.
    * In a stage the second, fourth, ... block has shifted windows.
    * Stochastic depth grows evenly over the blocks of the decoder.
    * Streams are resized to the exact size of the next level.
    * Dropout of whole channels before the linear outputs at stride 4, as in
      the released code; the paper says nothing of it.

Departs:
    * A stage is a list of block kinds, so that the paper's model and the
      released ones are lists: ``('private', 'shared_skip')`` is the paper's,
      its default here, ``('shared_skip', 'private')`` the released one for
      one task (SCA1), ``('shared_skip', 'shared_stream')`` with reference
      depth the released one for two tasks (DEA1).
    * Any number of tasks. The paper's formulas define the reference task's
      stream and never use it in the shared block; what is used here is the
      encoder's feature with the reference task's weights, as its figure and
      the released code have it.
    * Gradients reach the shared queries and keys from every task's loss; the
      paper does not say whether they do.
    * The outputs start at N(0, 0.01), as those of mmsegmentation's heads;
      how the released ones start is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.layers.argument_checks import (
    check_counts,
    check_mlp_ratio,
    check_rates,
)
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.models.layers.level_check import check_level_channels
from mmmtl.models.mult.decoder_stage import (
    DecoderStage,
    choose_reference,
    read_stages,
)
from mmmtl.registry import MODELS


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
    reads the encoder's level (``..._skip``): else what the encoder computes
    for that level alone would get no gradient.
    """

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
            num_heads: Heads by level, finest first; one per 32 channels if
                None.
            blocks: Kinds of the blocks of every stage, or one such list per
                stage, coarsest first.
            reference_task: Whose queries and keys are shared: normals if
                None, else depth, else the first task. A ``shared_skip``
                block has them from the encoder, whoever it is, so the choice
                changes the model where there is a ``shared_stream`` block.
            window_size: Side of a window in pixels, 2 or more.
            mlp_ratio: Width of the MLPs over the width of their stage;
                enough for one channel.
            drop_path_rate: Stochastic depth of the last block, in ``[0, 1)``.
            dropout_ratio: Share of channels dropped before the outputs, in
                ``[0, 1)``.
            with_cp: Compute blocks again in the backward pass instead of
                keeping what is inside them; for all stages, or one flag per
                stage, coarsest first.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If the layout does not fit together, an argument is
                out of range, a stage does not read the encoder, or the
                reference task is none of the tasks.
        """
        super().__init__(tasks=tasks, init_cfg=init_cfg)
        plans = read_stages(
            in_channels=in_channels,
            num_heads=num_heads,
            blocks=blocks,
            with_cp=with_cp,
        )
        check_counts(window_size=window_size)
        if window_size < 2:
            raise ValueError(f'window_size={window_size}: give 2 or more')
        check_mlp_ratio(mlp_ratio, min(in_channels))
        check_rates(drop_path_rate=drop_path_rate, dropout_ratio=dropout_ratio)
        self.in_channels = tuple(in_channels)
        self.reference_task = choose_reference(self.tasks, reference_task)
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
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first, each half as
                high and wide as the one before, rounded up or down.

        Returns:
            ``{task: (B, K, h_0, w_0)}`` logits.

        Raises:
            ValueError: If the levels do not have the configured channels, or
                do not halve.
        """
        self._check(inputs)
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

    def _check(self, inputs: Sequence[Tensor]) -> None:
        check_level_channels(inputs, self.in_channels)
        sizes = [tuple(level.shape[-2:]) for level in inputs]
        for fine, coarse in pairwise(sizes):
            if any(
                c not in (f // 2, -(-f // 2))
                for f, c in zip(fine, coarse, strict=True)
            ):
                raise ValueError(
                    f'pyramid of sizes {sizes}: {coarse} is not half of '
                    f"{fine}: set the backbone's strides so that each level "
                    'halves the one before'
                )


def _grow(rate: float, lengths: Sequence[int]) -> list[list[float]]:
    """Return rates that grow evenly from 0 to ``rate``, by stage."""
    total = sum(lengths)
    rates = iter(rate * i / max(total - 1, 1) for i in range(total))
    return [[next(rates) for _ in range(length)] for length in lengths]
