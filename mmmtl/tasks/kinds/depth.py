"""Distances along the optical axis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmmtl.geometry.motion import Motion
from mmmtl.tasks.kinds.base import Kind, Map, Primary, register_kind
from mmmtl.tasks.kinds.scalar import check_numbers, scale_setting
from mmmtl.tasks.kinds.stored import (
    Encodings,
    Stored,
    Values,
    absent_setting,
    odd_values,
    subsets,
)

# Metres: below any sensor's reach.
_LEAST = 1e-3
# Metres; medians of what people measure lie inside.
_MEDIANS = (0.1, 1000)
_UNITS = {'metres': '1', 'centimetres': '1/100', 'millimetres': '1/1000'}
# Steps of well-known files: KITTI, Taskonomy, Replica, TUM.
_STEPS = ('1/256', '1/512', '1/4096', '1/5000')
# A pixel whose depth changes by this share over the step below is part of a
# slanted surface, of which so many must be seen, and so many times as many
# must speak for one form as for the other.
_SLANT, _SEEN, _CLEARLY = 0.02, 50, 4


@register_kind('depth')
@dataclass(frozen=True)
class Depth(Kind):
    """Metres along the optical axis; valid where finite and above 0."""

    no_label = 0
    loss = {'type': 'DepthL1Loss'}
    metric = {'type': 'DepthErrorMetric'}
    primary = Primary('rmse', lower_is_better=True)
    painter = 'depth'
    unit = 'metre along the optical axis'
    symbol = 'm'

    def valid(self, label: Map) -> Map:
        """See the base class."""
        library: Any = torch if isinstance(label, Tensor) else np
        return library.isfinite(label) & (label > 0)

    def zoom(self, values: Map, factor: float) -> Map:
        """Divide: an object that looks twice as large is half as far."""
        if factor == 1.0:
            return values
        zoomed: Any = values / factor
        return zoomed

    def follow(self, values: np.ndarray, motion: Motion) -> np.ndarray:
        """Add what the camera went towards a point, or away from it."""
        x, y = motion.rays
        row = motion.rotation[2]
        return (
            values * (row[0] * x + row[1] * y + row[2])
            + (motion.translation[2])
        )

    def difference(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Return percent of the mean of both; 0 of two zeros."""
        mean = np.maximum((now + before)[0] / 2, _LEAST)
        return 100 * abs(now - before)[0] / mean

    @property
    def difference_unit(self) -> str:
        """See the base class."""
        return '%'

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        """See the base class."""
        del num_classes
        return (1,)

    @property
    def on_a_scale(self) -> bool:
        """See the base class."""
        return True

    def activate(self, logits: Tensor) -> Tensor:
        """Return metres >= 0; see the base class."""
        return logits.clamp(min=0)

    def statistics(self, values: Tensor) -> Tensor:
        """Return sum and count; see the base class."""
        count = torch.tensor([values.shape[1]], dtype=torch.float64)
        return torch.cat([values.double().sum(1), count])

    def best_constant(self, statistics: Tensor) -> Tensor:
        """Return the mean: it has the smallest RMSE."""
        return (statistics[:-1] / statistics[-1]).float()

    def read(self, stored: np.ndarray) -> np.ndarray:
        """See the base class."""
        if stored.ndim != 2 or stored.dtype.kind not in 'iuf':
            raise ValueError(
                f'holds {stored.dtype} {stored.shape}: write metres, (H, W)'
            )
        values = stored.astype(np.float32)
        if (values < 0).any():
            raise ValueError(
                f'holds {np.nanmin(values):g}: depth is 0 (none) or more'
            )
        values[~np.isfinite(values)] = 0
        return values

    def implausible(self, label: np.ndarray) -> list[str]:
        """See the base class."""
        found = label[label > 0]
        if not found.size:
            return []
        median = float(np.median(found))
        low, high = _MEDIANS
        if median > high:
            return [f'its median is {median:g} metres: it may be millimetres']
        if median < low:
            return [f'its median is {median:g} metres: another unit, perhaps']
        return []

    def absent_values(self, stored: Stored) -> list[Values]:
        """Doubt what may be no measurement; 0 and less are none for sure."""
        check_numbers(stored)
        certain = [v for v in stored.counts if v < 0]
        doubtful = [v for v in odd_values(stored) if v > 0]
        return subsets(certain, doubtful)

    def encodings(self, stored: Stored, absent: Values) -> Encodings:
        """Say which units give distances that occur, and which form it is."""
        values = stored.sample(absent)
        values = values[values > 0].astype(np.float64)
        units = [*_UNITS, *(_STEPS if stored.is_counted else ())]
        direct = [
            word
            for word in units
            if not self.implausible(values * _metres(word))
        ]
        inverse = [] if self.implausible(1 / values) else ['inverse']
        # A step of another size, and maps that were divided by their range.
        is_open = stored.is_counted or values.max(initial=0) <= 1
        open_direct = ['STEP'] if is_open or len(direct) != 1 else []
        # A scale of disparities cannot be seen.
        forms = {
            'direct': [*direct, *open_direct],
            'inverse': [*inverse, 'inverse*STEP'],
        }
        form = form_of(stored.maps, absent)
        words = forms[form] if form else [*forms['direct'], *forms['inverse']]
        return {
            word: None
            if 'STEP' in word
            else self.encoding(word, stored, absent)
            for word in words
        }

    def encoding(
        self, word: str, stored: Stored, absent: Values
    ) -> dict[str, Any]:
        """Return the settings for a unit, a step, or ``inverse*STEP``."""
        is_inverse = word.startswith('inverse')
        step = word.removeprefix('inverse').removeprefix('*') or '1'
        return {
            **scale_setting(_UNITS.get(step, step)),
            **({'inverse': True} if is_inverse else {}),
            **absent_setting(absent, is_colour=stored.is_colour),
        }


def _metres(unit: str) -> float:
    return float(Fraction(_UNITS.get(unit, unit)))


def form_of(maps: tuple[np.ndarray, ...], absent: Values) -> str | None:
    """Say whether maps hold distances, or one over them.

    Convention:
        Along a row of pixels one over the distance of a plane is a straight
        line, and the distance is not: what is straight on slanted surfaces
        is the inverse.

    Args:
        maps: ``(H, W)``.
        absent: Values that mean "no label".

    Returns:
        ``'direct'``, ``'inverse'``, or None if it cannot be seen.
    """
    votes = {'direct': 0, 'inverse': 0}
    for stored in maps:
        values = stored.astype(np.float64)
        valid = np.isfinite(values) & (values > 0) & ~np.isin(stored, absent)
        values = np.where(valid, values, np.nan)
        step = max(1, values.shape[1] // 64)
        left, middle, right = (
            values[:, k : values.shape[1] - 2 * step + k]
            for k in (0, step, 2 * step)
        )
        slanted = abs(right - left) > _SLANT * middle
        left, middle, right = left[slanted], middle[slanted], right[slanted]
        bent = _bent(left, middle, right)
        bent_inverse = _bent(1 / left, 1 / middle, 1 / right)
        votes['direct'] += int((bent_inverse < bent / 2).sum())
        votes['inverse'] += int((bent < bent_inverse / 2).sum())
    first, second = sorted(votes, key=votes.__getitem__, reverse=True)
    clear = votes[first] >= max(_SEEN, _CLEARLY * votes[second])
    return first if clear else None


def _bent(
    left: np.ndarray, middle: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Return how far three values are from a straight line, 0 if not."""
    return abs(left - 2 * middle + right) / abs(right - left)
