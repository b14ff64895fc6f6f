"""Masks: a thing is there or not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

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
    read_values,
    spelled,
)

# A mask of thin lines marks a few percent; more than this is often a mask of
# the background.
_MOST = 0.5
# Above this share of 1 it is asked which value is 1: a mask of what covers
# three quarters of the pictures, inverted, marks as much.
_SURE = 0.25
# Of up to so many values any may be 1.
_FEW = 4


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

    def absent_values(self, stored: Stored) -> list[Values]:
        """Take 255 beside 0 and 1; doubt it far above ids, or any of a few."""
        if stored.dtype.kind == 'f':
            raise ValueError(
                f'holds {stored.dtype}: write a mask as whole numbers, 0 and 1'
            )
        values = stored.values()
        if len(values) < 2:
            raise ValueError(
                f'holds {spelled(values, is_colour=stored.is_colour)} only'
            )
        if values == [0, 1, 255]:
            return [(255,)]
        if is_void(self.no_label, values) and len(values) > _FEW:
            return [(self.no_label,), ()]
        doubtful = values if 2 < len(values) <= _FEW else ()
        return [(), *((v,) for v in reversed(doubtful))]

    def encodings(self, stored: Stored, absent: Values) -> Encodings:
        """Say which values may be 1; each word is a list of them."""
        values = stored.values(absent)
        if len(values) > _FEW:
            if stored.is_colour or values[-1] > self.no_label:
                raise ValueError(f'holds {len(values)} values: a mask has two')
            # Grey levels, cut in the middle; or ids, of which 0 is none.
            words = ['128-255', '0-127'] if values[-1] >= 128 else []
            words += ['1-255', '0']
        elif len(values) == 2:
            small, large = values
            both = stored.counts[small] + stored.counts[large]
            share = stored.counts[large] / both
            sure = small == 0 and share <= _SURE
            chosen = [(large,)] if sure else [(large,), (small,)]
            words = [spelled(c, is_colour=stored.is_colour) for c in chosen]
        else:
            sizes = range(1, len(values))
            chosen = [c for n in sizes for c in combinations(values, n)]
            words = [spelled(c, is_colour=stored.is_colour) for c in chosen]
        return {word: self.encoding(word, stored, absent) for word in words}

    def encoding(
        self, word: str, stored: Stored, absent: Values
    ) -> dict[str, Any]:
        """Return the settings for a list of the values that are 1.

        They name every value, so that another is refused: read plainly, 255
        would be 1 in one file and "no label" beside a 1 in the next.
        """
        ones = [v for v in read_values(word) if v not in absent]
        values = stored.values(absent)
        if len(values) > _FEW:  # further files may hold others
            values = [v for v in range(256) if v not in absent]
        zeros = [v for v in values if v not in ones]
        if not zeros or not set(ones) & set(values):
            raise ValueError(f'{word!r}: no value is left for 0, or for 1')
        groups = [
            [entry(v, is_colour=stored.is_colour) for v in group]
            for group in (zeros, ones)
        ]
        alone = all(len(g) == 1 for g in groups)
        return {
            'colours' if stored.is_colour else 'ids': [
                g[0] if alone else g for g in groups
            ],
            **absent_setting(absent, is_colour=stored.is_colour),
        }
