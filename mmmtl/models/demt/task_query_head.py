"""DeMT's decoder: task interaction, task queries, one output per task.

Source: "DeMT: Deformable Mixer Transformer for Multi-Task Learning of Dense
Prediction", Xu et al., AAAI 2023; released code yangyangxu0/DeMT at b638e14.

Faithful:
    * No residual and no norm before the interaction; the queries' result is
      added to the task's own feature.
    * No spatial attention in the default scope: the released model attends
      over the tasks at one pixel (see :mod:`.layers.scoped_attention`).
    * The output block is 3x3 convolution, BatchNorm, ReLU, 1x1 convolution;
      the weights of the last one start at N(0, 0.01), everything else at
      PyTorch's defaults.

Departs:
    * ``attn_scope`` makes explicit what the released code does by feeding
      batch-first tensors to an attention that is not batch-first.
    * Consecutive linear maps are folded (same results).
    * Interaction and queries can be left out, for ablations: without the
      interaction the queries read the mixers' features; without the queries
      a task adds its own token of the interaction; without both the mixers'
      features go to the output blocks. The released code has no such
      switches; what takes the place of a missing part is our choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmmtl.models.decode_heads.base_multi_task_head import (
    BaseMultiTaskHead,
    TaskMaps,
)
from mmmtl.models.layers.argument_checks import check_flags
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.models.layers.scoped_attention import (
    SCOPES,
    AttnScope,
    ScopedAttention,
)
from mmmtl.registry import MODELS, call_in_scope


@MODELS.register_module()
class TaskQueryHead(BaseMultiTaskHead):
    """Each task queries the features of all tasks."""

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
            ValueError: If the scope is unknown, a switch is neither True nor
                False, or the heads do not divide the width.
        """
        super().__init__(tasks=tasks, init_cfg=init_cfg)
        if attn_scope not in SCOPES:
            raise ValueError(
                f'attn_scope={attn_scope!r}: give one of {SCOPES}'
            )
        check_flags(
            with_interaction=with_interaction, with_queries=with_queries
        )
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
                task: _bottleneck(channels, bottleneck_channels, norm_cfg)
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

        Raises:
            ValueError: If the neck's tasks are not the head's.
        """
        features = self._in_order(inputs)
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

    def _in_order(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        if not isinstance(inputs, Mapping) or set(inputs) != set(self.tasks):
            found = (
                sorted(inputs)
                if isinstance(inputs, Mapping)
                else type(inputs).__name__
            )
            raise ValueError(
                f'TaskQueryHead got {found}, but needs one feature for each '
                f'of its tasks {list(self.tasks)}: give the neck the same '
                'tasks'
            )
        return [inputs[task] for task in self.tasks]


def _bottleneck(
    channels: int, width: int, norm_cfg: Mapping[str, Any] | None
) -> nn.Sequential:
    norm = call_in_scope(
        build_norm_layer, dict(norm_cfg or dict(type='BN')), width
    )[1]
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        norm,
        nn.ReLU(inplace=True),
    )


class LinearNorm(nn.Module):
    """``LayerNorm(W x + b)``, with its linear part open for folding."""

    def __init__(self, channels: int) -> None:
        """Build the two layers.

        Args:
            channels: Width of input and output.
        """
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(..., C)`` to ``(..., C)``."""
        return self.norm(self.linear(tokens))
