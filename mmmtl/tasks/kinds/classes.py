"""Maps of class ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmmtl.tasks.kinds.base import Kind, Primary, register_kind

#: Ids above this cannot be told from "no label" in a map of bytes.
LAST_ID = 254


@register_kind('classes')
@dataclass(frozen=True)
class Classes(Kind):
    """One class id per pixel, from 0; 255 is "no label".

    The network gives one channel per class; the largest is the answer.
    """

    dtype = torch.int64
    pred_dtype = torch.int64
    no_label = 255
    loss = {'type': 'SegCrossEntropyLoss'}
    metric = {'type': 'SegmentationMetric'}
    primary = Primary('mIoU')
    painter = 'classes'
    unit = 'class id'

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        """See the base class."""
        return () if num_classes is None else (num_classes,)

    def activate(self, logits: Tensor) -> Tensor:
        """Return class probabilities; see the base class."""
        return logits.softmax(dim=-3)

    def finalize(self, soft: Tensor) -> Tensor:
        """Return the most probable class; see the base class."""
        return soft.argmax(dim=-3, keepdim=True)

    def decode(self, logits: Tensor) -> Tensor:
        """See the base class; a softmax does not change the largest."""
        return self.finalize(logits)

    def statistics(self, values: Tensor) -> Tensor:
        """Return a histogram of ids; see the base class."""
        return torch.bincount(values[0], minlength=256).double()

    def best_constant(self, statistics: Tensor) -> Tensor:
        """Return the most frequent class; see the base class."""
        return statistics.argmax().view(1)

    def read(self, stored: np.ndarray) -> np.ndarray:
        """See the base class."""
        if stored.ndim != 2 or stored.dtype.kind not in 'iub':
            raise ValueError(
                f'holds {stored.dtype} {stored.shape}: write class ids as '
                '(H, W) whole numbers'
            )
        if stored.size and (stored.min() < 0 or stored.max() > 255):
            raise ValueError(
                f'holds ids from {stored.min()} to {stored.max()}: 0 to '
                f'{LAST_ID} are classes, 255 is "no label"; declare a table '
                'of ids where files hold others'
            )
        return stored.astype(np.uint8)
