"""Distances along the optical axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmmtl.tasks.kinds.base import Kind, Map, Primary, register_kind


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
        library = torch if isinstance(label, Tensor) else np
        return library.isfinite(label) & (label > 0)

    def zoom(self, values: Map, factor: float) -> Map:
        """Divide: an object that looks twice as large is half as far."""
        return values if factor == 1.0 else values / factor

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
        if median > 1000:
            return [f'its median is {median:g} metres: it may be millimetres']
        return []
