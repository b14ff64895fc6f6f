"""DeMT's decoder: task interaction, task queries, one output per task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mmmtl.models.argument_checks import check_choice
from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.layers.conv_norm import bottleneck
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.models.layers.scoped_attention import AttnScope, ScopedAttention
from mmmtl.registry import MODELS


@MODELS.register_module()
class TaskQueryHead(BaseMultiTaskHead):
    """Each task queries the features of all tasks."""

    STARTS_AT_BIAS: ClassVar[bool] = True

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        channels: int = 256,
        bottleneck_channels: int,
        num_heads: int = 4,
        attn_scope: AttnScope = 'sample',
        with_interaction: bool = True,
        with_queries: bool = True,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build interaction, queries and outputs.

        Args:
            tasks: See :class:`BaseMultiTaskHead`.
            channels: Width of the task features that come in.
            bottleneck_channels: Width before the last layer; an eighth of
                the sum of the backbone's channels in the released models.
            num_heads: Heads of every attention.
            attn_scope: Which tokens a query sees: ``sample``, ``batch`` or
                ``tokens``.
            with_interaction: Whether the tasks' tokens are mixed before they
                are queried.
            with_queries: Whether each task queries the tokens of all tasks.
            norm_cfg: Norm of the output blocks; BatchNorm if None.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If the scope is unknown.
        """
        super().__init__(tasks=tasks, init_cfg=init_cfg)
        check_choice(AttnScope, attn_scope=attn_scope)
        self.attn_scope = attn_scope
        self.with_interaction = with_interaction
        self.with_queries = with_queries
        if with_interaction:
            self.interaction = ScopedAttention(channels, num_heads=num_heads)
            self.interaction_mlp = LinearNorm(channels)
        if with_queries:
            self.queries = nn.ModuleDict(
                {
                    task: ScopedAttention(channels, num_heads=num_heads)
                    for task in self.tasks
                }
            )
            self.query_mlps = nn.ModuleDict(
                {task: LinearNorm(channels) for task in self.tasks}
            )
        self.bottlenecks = nn.ModuleDict(
            {
                task: bottleneck(
                    channels, bottleneck_channels, norm_cfg=norm_cfg
                )
                for task in self.tasks
            }
        )
        self.classifiers = nn.ModuleDict(
            {
                task: nn.Conv2d(bottleneck_channels, output.channels, 1)
                for task, output in self.outputs.items()
            }
        )
        # Tokens seen as a map are channels last: weights of the same layout
        # spare the 3x3 convolutions a rearrangement (two thirds of the time).
        self.bottlenecks.to(memory_format=torch.channels_last)
        # Here and not in init_weights, which would overwrite what an
        # init_cfg of type Pretrained has loaded.
        for task, output in self.outputs.items():
            nn.init.normal_(self.classifiers[task].weight, std=0.01)
            nn.init.constant_(self.classifiers[task].bias, output.initial_bias)

    def forward(self, inputs: Mapping[str, Tensor]) -> TaskMaps:
        """Decode task features.

        Args:
            inputs: ``{task: (B, C, h, w)}`` from :class:`DeformableMixer`.

        Returns:
            ``{task: (B, K, h, w)}`` logits.
        """
        features = [inputs[task] for task in self.tasks]
        height, width = features[0].shape[-2:]
        own = [
            contiguous_gradient(feature).flatten(2).transpose(1, 2)
            for feature in features
        ]
        tokens = torch.stack(own, dim=2)  # (B, N, T, C)
        keys = self._interact(tokens) if self.with_interaction else tokens
        logits = {}
        for index, task in enumerate(self.tasks):
            refined = tokens[:, :, index]
            if self.with_queries:
                refined = refined + self._query(task, refined, keys)
            elif self.with_interaction:
                refined = refined + keys[:, :, index]
            # A channels-last view: the convolution reads it without a copy.
            refined = refined.transpose(1, 2).unflatten(2, (height, width))
            logits[task] = self.classifiers[task](
                self.bottlenecks[task](refined)
            )
        return logits

    def _interact(self, tokens: Tensor) -> Tensor:
        """Mix ``(B, N, T, C)`` tokens within the scope."""
        mlp = self.interaction_mlp
        return mlp.norm(
            self.interaction.self_attention(
                tokens, scope=self.attn_scope, then=mlp.linear
            )
        )

    def _query(self, task: str, query: Tensor, keys: Tensor) -> Tensor:
        """Let ``(B, N, C)`` tokens of a task query ``(B, N, T, C)`` keys."""
        mlp = self.query_mlps[task]
        return mlp.norm(
            self.queries[task](
                query, keys, scope=self.attn_scope, then=mlp.linear
            )
        )


class LinearNorm(nn.Module):
    """``LayerNorm(W x + b)``, with its linear part open for folding."""

    def __init__(self, channels: int) -> None:
        """Build the two layers for ``channels`` in and out."""
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(..., C)`` to ``(..., C)``."""
        return self.norm(self.linear(tokens))
