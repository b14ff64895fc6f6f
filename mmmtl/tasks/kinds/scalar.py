"""Real values with a unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmmtl.tasks.kinds.base import Kind, Map, Primary, _any, register_kind
from mmmtl.tasks.kinds.stored import (
    Encodings,
    Stored,
    Values,
    absent_setting,
    number_of,
    odd_values,
    subsets,
)

_BINS = 1000
# What a step of whole numbers often is.
_STEPS = ('1', '1/10', '1/100', '1/1000', '1/255', '1/65535')


@register_kind('scalar')
@dataclass(frozen=True)
class Scalar(Kind):
    """One real value per pixel; NaN is "no label".

    0 and 1 are ordinary values here, so no number is free to mean "none".

    Attributes:
        unit: What the values are measured in.
        mean: Typical value, from which the last layer starts.
        spread: Standard deviation of the values; the last layer counts in
            it.
        low: Smallest value that occurs.
        high: Largest value that occurs.
    """

    no_label = math.nan
    loss = {'type': 'ScalarL1Loss'}
    metric = {'type': 'ScalarMetric'}
    primary = Primary('mae', lower_is_better=True)
    painter = 'heat'

    # pyrefly: ignore[bad-override]  # other kinds have it by class
    unit: str = ''
    mean: float = 0.0
    spread: float = 1.0
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        """Refuse a spread that would turn errors round.

        Raises:
            ValueError: If the spread is not above 0.
        """
        if not self.spread > 0:
            raise ValueError(f'spread={self.spread}: give a number > 0')

    @property
    # pyrefly: ignore[bad-override]
    def symbol(self) -> str:
        """See the base class; several words describe and are no symbol."""
        return '' if ' ' in self.unit else self.unit

    def valid(self, label: Map) -> Map:
        """See the base class; NaN alone differs from itself."""
        return _any(label == label)

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        """See the base class."""
        del num_classes
        return (1,)

    @property
    def on_a_scale(self) -> bool:
        """See the base class."""
        return True

    def to_values(self, logits: Tensor) -> Tensor:
        """Return ``mean + spread logits``.

        A network starts near 0, and learns fastest what varies by about 1.
        """
        if self.mean == 0 and self.spread == 1:
            return logits
        return self.mean + self.spread * logits

    def activate(self, logits: Tensor) -> Tensor:
        """Return the values as they are; see the base class."""
        return logits

    def statistics(self, values: Tensor) -> Tensor:
        """Return a histogram; see the base class.

        Without a range, of the leading 16 bits of the numbers: each bin is
        as wide as 1/128 of its values, whatever their unit.
        """
        if not self._has_range:
            places = _ordered_bits(values[0]) >> 16
            return torch.bincount(places, minlength=2**16).double()
        # Values beyond the range count at its ends: none is lost.
        inside = values[0].float().clamp(self.low, self.high)
        return torch.histc(inside, _BINS, self.low, self.high).double()

    def best_constant(self, statistics: Tensor) -> Tensor:
        """Return the median: it has the smallest absolute error."""
        half = statistics.sum() / 2
        place = (statistics.cumsum(0) < half).sum()
        if not self._has_range:
            return _number_of_bits((place << 16) + 2**15).view(1)
        share = place / _BINS
        return (self.low + share * (self.high - self.low)).float().view(1)

    def read(self, stored: np.ndarray) -> np.ndarray:
        """See the base class."""
        if stored.ndim != 2 or stored.dtype.kind not in 'iuf':
            raise ValueError(
                f'holds {stored.dtype} {stored.shape}: write one value per '
                'pixel, (H, W)'
            )
        values = stored.astype(np.float32)
        values[~np.isfinite(values)] = np.nan
        return values

    def implausible(self, label: np.ndarray) -> list[str]:
        """See the base class."""
        found = label[np.isfinite(label)]
        if found.size and (found.min() < self.low or found.max() > self.high):
            return [
                f'it holds {found.min():g} to {found.max():g} {self.unit}, '
                f'outside of {self.low:g} to {self.high:g}'
            ]
        return []

    def absent_values(self, stored: Stored) -> list[Values]:
        """Doubt every value that may be no measurement; see the base."""
        check_numbers(stored)
        return subsets((), odd_values(stored))

    def encodings(self, stored: Stored, absent: Values) -> Encodings:
        """Take real numbers as they are; ask for the step of whole ones."""
        steps = _STEPS if stored.is_counted else _STEPS[:1]
        values = stored.sample(absent)
        found: Encodings = {
            word: self.encoding(word, stored, absent)
            for word in steps
            if not self.implausible(values * number_of(word))
        }
        if stored.is_counted or not found:
            found['STEP'] = None
        return found

    def encoding(
        self, word: str, stored: Stored, absent: Values
    ) -> dict[str, Any]:
        """Return the settings for the unit of a stored step: a number."""
        return {
            **scale_setting(word),
            **absent_setting(absent, is_colour=stored.is_colour),
        }

    @property
    def _has_range(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)


def check_numbers(stored: Stored) -> None:
    """Refuse files that hold no numbers.

    Args:
        stored: What files hold.

    Raises:
        ValueError: If they are colours or masks.
    """
    if stored.is_colour or stored.dtype.kind not in 'iuf':
        raise ValueError(
            f'holds {stored.dtype} {stored.maps[0].shape}: write one number '
            'per pixel, (H, W)'
        )


def scale_setting(word: str) -> dict[str, float]:
    """Return ``scale`` for a stored step; nothing for 1.

    Args:
        word: A number such as ``0.01`` or ``1/512``.

    Raises:
        ValueError: If it is no number.
    """
    scale = number_of(word)
    if scale is None:
        raise ValueError(f'{word!r}: give what a stored step is, as 0.001')
    return {} if scale == 1 else {'scale': scale}


def _ordered_bits(values: Tensor) -> Tensor:
    """Return the bits of floats as whole numbers in the same order.

    A float's bits grow with its size: those of positive numbers need the
    sign bit set to come last, those of negative ones all bits turned.
    """
    bits = values.float().contiguous().view(torch.int32).long()
    return torch.where(bits < 0, -bits - 1, bits + 2**31)


def _number_of_bits(place: Tensor) -> Tensor:
    """Undo :func:`_ordered_bits`."""
    bits = torch.where(place < 2**31, -place - 1, place - 2**31)
    return bits.int().view(torch.float32)
