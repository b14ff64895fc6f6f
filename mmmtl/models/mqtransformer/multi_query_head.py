"""MQTransformer's decoder: from a pyramid to the logits of all tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, overload

import torch
from torch import Tensor, nn

from mmmtl.models.argument_checks import check_choice, check_drop_path
from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.layers.conv_norm import OutputLayers
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.models.layers.pyramid_projection import PyramidProjection
from mmmtl.models.layers.scoped_attention import AttnScope
from mmmtl.models.mqtransformer.multi_query_block import (
    MultiQueryBlock,
    Residual,
)
from mmmtl.registry import MODELS


@dataclass(frozen=True)
class TaskQueries:
    """The queries of one task, read out of the last block.

    Attributes:
        queries: ``(B, Q, C)`` after the exchange between tasks.
        attention: ``(B, Q, h, w)`` where each query reads, the mean over the
            heads; sums to 1 over the pixels.
    """

    queries: Tensor
    attention: Tensor


@MODELS.register_module()
class MultiQueryHead(BaseMultiTaskHead):
    """Queries carry each task's feature to all other tasks."""

    STARTS_AT_BIAS: ClassVar[bool] = True

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        in_channels: Sequence[int],
        channels: int = 256,
        num_queries: int = 64,
        num_heads: int = 4,
        depth: int = 1,
        bottleneck_channels: int | None = None,
        attn_scope: AttnScope = 'sample',
        residual: Residual = 'released',
        share_encoder: bool = True,
        share_decoder: bool = True,
        with_cross_task_attention: bool = True,
        drop_path_rate: float = 0.1,
        query_drop_path_rate: float = 0.5,
        query_dropout: float = 0.1,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build projections, blocks and outputs.

        Args:
            tasks: See :class:`BaseMultiTaskHead`.
            in_channels: Channels of the backbone's levels, finest first.
            channels: Width of features and queries.
            num_queries: Queries per task.
            num_heads: Heads of every attention.
            depth: Blocks of encoder, exchange and decoder.
            bottleneck_channels: Width before the last layer; a quarter of
                ``channels`` if None.
            attn_scope: What the decoder's attention over features sees:
                ``sample``: the same pixel (the released code at batch size
                1); ``batch``: that pixel in all images (the released code at
                any batch size); ``tokens``: all pixels of the image (the
                paper's text).
            residual: ``released``, or ``sequential``: every step of the
                decoder adds to the step before, as one would expect.
            share_encoder: Whether one encoder serves all tasks; else each
                has its own.
            share_decoder: The same of the decoder.
            with_cross_task_attention: Whether the queries of all tasks
                exchange what they have read. Without, the tasks meet only in
                a shared encoder or decoder, that is in its weights.
            drop_path_rate: Stochastic depth of encoder and decoder.
            query_drop_path_rate: Stochastic depth of the exchange.
            query_dropout: Dropout of the exchange's attention.
            norm_cfg: Norm of the output blocks; BatchNorm if None.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If an option is unknown or a rate of stochastic depth
                is not in ``[0, 1)``.
        """
        super().__init__(tasks=tasks, init_cfg=init_cfg)
        check_choice(AttnScope, attn_scope=attn_scope)
        check_choice(Residual, residual=residual)
        check_drop_path(
            drop_path_rate=drop_path_rate,
            query_drop_path_rate=query_drop_path_rate,
        )
        if bottleneck_channels is None:
            bottleneck_channels = channels // 4
        self.projections = nn.ModuleDict(
            {
                task: PyramidProjection(in_channels, out_channels=channels)
                for task in self.tasks
            }
        )
        self.blocks = nn.ModuleList(
            MultiQueryBlock(
                self.tasks,
                channels=channels,
                num_queries=num_queries,
                num_heads=num_heads,
                attn_scope=attn_scope,
                residual=residual,
                share_encoder=share_encoder,
                share_decoder=share_decoder,
                with_cross_task_attention=with_cross_task_attention,
                drop_path_rate=drop_path_rate,
                query_drop_path_rate=query_drop_path_rate,
                query_dropout=query_dropout,
            )
            for _ in range(depth)
        )
        self.output_blocks = nn.ModuleDict(
            {
                task: OutputLayers(
                    channels,
                    channels=bottleneck_channels,
                    out_channels=output.channels,
                    initial_bias=output.initial_bias,
                    norm_cfg=norm_cfg,
                )
                for task, output in self.outputs.items()
            }
        )
        # Tokens seen as a map are channels last: weights of the same layout
        # spare the 3x3 convolutions a rearrangement (two thirds of the time).
        self.output_blocks.to(memory_format=torch.channels_last)

    @overload
    def forward(
        self, inputs: Sequence[Tensor], return_queries: Literal[False] = False
    ) -> TaskMaps: ...

    @overload
    def forward(
        self, inputs: Sequence[Tensor], return_queries: Literal[True]
    ) -> tuple[TaskMaps, dict[str, TaskQueries]]: ...

    def forward(
        self, inputs: Sequence[Tensor], return_queries: bool = False
    ) -> TaskMaps | tuple[TaskMaps, dict[str, TaskQueries]]:
        """Decode a pyramid.

        Args:
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first.
            return_queries: Whether to read out the queries too.

        Returns:
            ``{task: (B, K, h, w)}`` logits at the size of the finest level;
            with ``return_queries`` also each task's queries.
        """
        size = tuple(inputs[0].shape[-2:])
        # Channels last: projected, they are tokens without a copy.
        inputs = [
            contiguous_gradient(level).contiguous(
                memory_format=torch.channels_last
            )
            for level in inputs
        ]
        features = {
            task: projection(inputs).flatten(2).transpose(1, 2).contiguous()
            for task, projection in self.projections.items()
        }
        *earlier, last = self.blocks
        for block in earlier:
            features = block(features)
        maps = last.query_maps(features) if return_queries else {}
        pixels, queries = last.read(features)
        logits = {}
        for task in self.tasks:
            # One task after the other, and what is no longer needed is
            # freed: without gradients the peak of memory hardly grows with
            # the number of tasks.
            refined = last.refine(
                task, features.pop(task), pixels.pop(task), queries[task]
            )
            # A channels-last view: the convolution reads it without a copy.
            logits[task] = self.output_blocks[task](
                refined.transpose(1, 2).unflatten(2, size)
            )
        if not return_queries:
            return logits
        return logits, {
            task: TaskQueries(
                queries=queries[task],
                attention=maps[task].unflatten(2, size),
            )
            for task in self.tasks
        }
