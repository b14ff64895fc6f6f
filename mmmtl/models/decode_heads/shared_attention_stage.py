"""One stage of :class:`SharedAttentionHead`: all tasks at one level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmmtl.models.decode_heads.shared_attention_plan import StagePlan
from mmmtl.models.layers.token_upsampling import TokenUpsampling
from mmmtl.models.layers.window_block import WindowBlock


class DecoderStage(nn.Module):
    """The blocks of all tasks at one level, then the way to the next."""

    def __init__(
        self,
        plan: StagePlan,
        *,
        tasks: Sequence[str],
        reference: str,
        window: int,
        mlp_ratio: float,
        drop_paths: Sequence[float],
        upsample: bool,
    ) -> None:
        """Build the stage.

        Args:
            plan: Width, heads and kinds of blocks.
            tasks: Names of the streams.
            reference: Task whose stream ``shared_stream`` attends with.
            window: Side of a window in pixels.
            mlp_ratio: Width of the MLPs over that of the stage.
            drop_paths: Stochastic depth, block by block.
            upsample: Whether a finer stage follows.
        """
        super().__init__()
        self.with_cp = plan.with_cp

        def block(
            kind: str, index: int, streams: Sequence[str]
        ) -> WindowBlock:
            own = streams[0] if kind == 'private' else reference
            return WindowBlock(
                plan.channels,
                streams=streams,
                reference=None if kind.endswith('_skip') else own,
                num_heads=plan.num_heads,
                window=window,
                shift=window // 2 if index % 2 else 0,
                mlp_ratio=mlp_ratio,
                drop_path=drop_paths[index],
            )

        # Tasks that share a map form a group; without sharing, each its own.
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {'shared': block(kind, index, tasks)}
                if kind.startswith('shared')
                else {task: block(kind, index, [task]) for task in tasks}
            )
            for index, kind in enumerate(plan.blocks)
        )
        self.upsampling = nn.ModuleDict(
            {task: TokenUpsampling(plan.channels) for task in tasks}
            if upsample
            else {}
        )

    def forward(
        self,
        streams: Mapping[str, Tensor],
        skip: Tensor,
        size: tuple[int, int] | None,
    ) -> dict[str, Tensor]:
        """Apply the blocks and upsample.

        Args:
            streams: ``{task: (B, H, W, C)}``.
            skip: ``(B, H, W, C)`` feature of the encoder.
            size: Of the next level; None after the last stage.

        Returns:
            ``{task: (B, H', W', C / 2)}`` in the order of the tasks; after
            the last stage of the size they came in.
        """
        for groups in self.blocks:
            mixed: dict[str, Tensor] = {}
            for group in groups.values():
                if self.with_cp and torch.is_grad_enabled():
                    mixed |= checkpoint(
                        group, streams, skip, use_reentrant=False
                    )
                else:
                    mixed |= group(streams, skip)
            streams = mixed
        if size is None:
            return dict(streams)
        return {
            task: self.upsampling[task](stream, size)
            for task, stream in streams.items()
        }
