"""Maps of class ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmmtl.tasks.kinds.base import Kind, Primary, register_kind
from mmmtl.tasks.kinds.stored import (
    Encodings,
    Stored,
    Values,
    absent_setting,
    entry,
    is_void,
    subsets,
)

#: Ids above this cannot be told from "no label" in a map of bytes.
LAST_ID = 254
# Colour codes that often mean "no label": black and white.
_VOID = (0, 0xFFFFFF)


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
        if type(self).finalize is not Classes.finalize:
            return super().decode(logits)  # of a kind that asks otherwise
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

    def absent_values(self, stored: Stored) -> list[Values]:
        """Doubt 0 and values after a gap; negative ones mean "no label"."""
        values = stored.values()
        if stored.is_colour:
            return subsets((), [v for v in _VOID if v in values])
        certain = [v for v in values if v < 0]
        ids = [v for v in values if v >= 0]
        others = [v for v in ids if v != self.no_label]
        if is_void(self.no_label, ids):
            certain.append(self.no_label)
        doubtful = [v for v in (0, *_after_gaps(others)) if v in ids]
        if self.no_label not in certain and self.no_label in ids:
            doubtful.append(self.no_label)
        return subsets(certain, list(dict.fromkeys(doubtful)))

    def encodings(self, stored: Stored, absent: Values) -> Encodings:
        """Number the values in their order, "no label" left out."""
        values = self.ids(stored, absent)
        colours = stored.is_colour
        listed = absent_setting(absent, is_colour=colours)
        if colours:
            table = [entry(v, is_colour=True) for v in values]
            return {'ids': {'colours': table, **listed}}
        first = values[0]
        if values != list(range(first, first + len(values))):
            return {'ids': {'ids': values, **listed}}
        if first:
            return {'ids': {'first_id': first, **listed}}
        return {'ids': {} if absent == (self.no_label,) else listed}

    def ids(self, stored: Stored, absent: Values) -> list[int]:
        """Return the stored value of each class.

        Args:
            stored: What files hold.
            absent: Values that mean "no label".

        Raises:
            ValueError: If there are too few or too many.
        """
        values = [int(v) for v in stored.values(absent)]
        real = stored.dtype.kind == 'f'
        if real or not 1 < len(values) <= LAST_ID + 1:
            raise ValueError(
                f'holds {len(values)} values of {stored.dtype}: 2 to '
                f'{LAST_ID + 1} whole numbers or colours can be classes'
            )
        span = values[-1] - values[0] + 1
        # Rare classes may be in the files that were not read.
        if stored.is_whole or stored.is_colour or 2 * len(values) < span:
            return values
        return [
            v
            for v in range(values[0], values[-1] + 1)
            if v not in absent and v <= LAST_ID
        ]


def _after_gaps(values: list[float]) -> list[float]:
    """Return the largest value if it stands apart from the others."""
    if len(values) < 3:
        return []
    *steps, last = np.diff(values).tolist()
    return [values[-1]] if last > max(2, 3 * max(steps)) else []
