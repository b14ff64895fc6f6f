"""Surface normals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.tasks.kinds.base import Direction, Kind, Map, Primary, register_kind


@register_kind('normals')
@dataclass(frozen=True)
class Normals(Kind):
    """Unit vectors in the camera frame; (0, 0, 0) is "no label".

    Convention:
        x right, y down, z forward, pointing to the camera, so that z < 0.
    """

    components = 3
    no_label = 0
    loss = {'type': 'NormalsL1Loss'}
    metric = {'type': 'NormalsMetric'}
    primary = Primary('mean_err', lower_is_better=True)
    painter = 'normals'
    unit = 'unit vector; x right, y down, z forward, facing the camera'

    def flip(self, values: Map, direction: Direction, *, axis: int) -> Map:
        """Negate the component along the mirrored axis."""
        signs = [1.0, 1.0, 1.0]
        signs[0 if direction == 'horizontal' else 1] = -1.0
        return values * _along(signs, values, axis)

    def turn(self, values: Map, degrees: float, *, axis: int) -> Map:
        """Turn x and y with the picture.

        y points down, so that a counter-clockwise turn takes x = (1, 0) to
        (cos, -sin).
        """
        cos = math.cos(math.radians(degrees))
        sin = math.sin(math.radians(degrees))
        library = torch if isinstance(values, Tensor) else np
        x, y, z = (_component(values, axis, i) for i in range(3))
        return library.stack([cos * x + sin * y, cos * y - sin * x, z], axis)

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        """See the base class."""
        del num_classes
        return (3,)

    def activate(self, logits: Tensor) -> Tensor:
        """Return unit vectors; see the base class."""
        return F.normalize(logits, dim=-3)

    def finalize(self, soft: Tensor) -> Tensor:
        """Normalise again: a mean of unit vectors is shorter than one."""
        return F.normalize(soft, dim=-3).to(self.pred_dtype)

    def statistics(self, values: Tensor) -> Tensor:
        """Return the sums of the components and the count."""
        count = torch.tensor([values.shape[1]], dtype=torch.float64)
        return torch.cat([values.double().sum(1), count])

    def best_constant(self, statistics: Tensor) -> Tensor:
        """Return the direction of the mean."""
        return F.normalize(statistics[:-1] / statistics[-1], dim=0).float()

    def read(self, stored: np.ndarray) -> np.ndarray:
        """Read vectors, or bytes that hold them as 2 v / 255 - 1.

        A grey byte (128, 128, 128) is "no label"; no unit vector has it.
        """
        if stored.ndim != 3 or stored.shape[-1] != 3:
            raise ValueError(
                f'holds {stored.dtype} {stored.shape}: write (H, W, 3) '
                'vectors, or a picture of them'
            )
        if stored.dtype == np.uint8:
            vectors = stored.astype(np.float32) * (2 / 255) - 1
            vectors[(stored == 128).all(-1)] = 0
        elif stored.dtype.kind == 'f':
            vectors = np.nan_to_num(stored.astype(np.float32))
        else:
            raise ValueError(
                f'holds {stored.dtype}: write bytes or floating point, or '
                'declare a scale'
            )
        return vectors

    def implausible(self, label: np.ndarray) -> list[str]:
        """See the base class."""
        found = label[(label != 0).any(-1)]
        if not len(found):
            return []
        said = []
        length = float(np.median(np.linalg.norm(found, axis=-1)))
        if abs(length - 1) > 0.05:
            said.append(f'its median vector has length {length:.2f}, not 1')
        away = float((found[:, 2] > 0).mean())
        if away > 0.2:
            said.append(
                f'{away:.0%} of its normals point away from the camera: it '
                'may be in another frame'
            )
        return said


def _along(signs: list[float], values: Map, axis: int) -> Map:
    shape = [1] * values.ndim
    shape[axis] = 3
    if isinstance(values, Tensor):
        return values.new_tensor(signs).view(shape)
    return np.asarray(signs, values.dtype).reshape(shape)


def _component(values: Map, axis: int, index: int) -> Map:
    if isinstance(values, Tensor):
        return values.select(axis, index)
    return np.take(values, index, axis)
