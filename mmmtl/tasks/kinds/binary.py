"""Masks: a thing is there or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmmtl.tasks.kinds.base import Kind, Primary, register_kind

# A mask of thin lines marks a few percent; more than this is often a mask of
# the background.
_MOST = 0.5


@register_kind('binary')
@dataclass(frozen=True)
class Binary(Kind):
    """0 or 1 per pixel, 255 is "no label"; the prediction is a probability.

    The network gives one channel for a sigmoid, or two for a softmax.
    """

    dtype = torch.int64
    no_label = 255
    loss = {'type': 'BinaryCrossEntropyLoss'}
    metric = {'type': 'BinaryMetric'}
    primary = Primary('IoU')
    painter = 'grey'
    unit = 'probability'

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        """See the base class."""
        del num_classes
        return (1, 2)

    def activate(self, logits: Tensor) -> Tensor:
        """Return the probability of 1; see the base class."""
        if logits.shape[-3] == 2:
            return logits.softmax(dim=-3)[..., 1:, :, :]
        return logits.sigmoid()

    def statistics(self, values: Tensor) -> Tensor:
        """Return the numbers of ones and of pixels; see the base class."""
        ones = (values[0] == 1).sum().double()
        return torch.stack([ones, ones.new_tensor(values.shape[1])])

    def best_constant(self, statistics: Tensor) -> Tensor:
        """Return 1: of all constants it has the largest F and IoU."""
        del statistics
        return torch.ones(1)

    def read(self, stored: np.ndarray) -> np.ndarray:
        """Read 0 and 1, or 0 and 255; see the base class.

        Raises:
            ValueError: Also where 255 stands beside 1. It is "no label"
                there, and a file of the same folder that has no 1 would be
                read inverted: whoever knows the folder has to say it.
        """
        if stored.ndim != 2 or stored.dtype.kind not in 'iub':
            raise ValueError(
                f'holds {stored.dtype} {stored.shape}: write a mask as '
                '(H, W) whole numbers'
            )
        values = set(np.unique(stored).tolist())
        if values <= {0, 1}:
            return stored.astype(np.uint8)
        if values <= {0, 255}:
            return (stored > 0).astype(np.uint8)
        hint = 'declare which values are 1 where files hold others'
        if values <= {0, 1, 255}:
            hint = 'if 255 is "no label", declare it: no_label=255'
        raise ValueError(
            f'holds {sorted(values)[:6]}: a mask holds 0 and 1, or 0 and '
            f'255; {hint}'
        )

    def implausible(self, label: np.ndarray) -> list[str]:
        """See the base class."""
        valid = label != self.no_label
        share = label[valid].mean() if valid.any() else 0.0
        if share > _MOST:
            return [f'{share:.0%} of it is 1: it may be inverted']
        return []
