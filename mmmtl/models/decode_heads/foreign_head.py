"""A decode head of mmsegmentation as the decoder of one of our tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.registry import DefaultScope
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmmtl.models.decode_heads.task_outputs import TaskOutput
from mmmtl.models.layers.gradients import contiguous_gradient
from mmmtl.registry import MODELS, SCOPE, build_in_scope

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
