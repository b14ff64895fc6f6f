"""Surface normals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.geometry.motion import Motion
from mmmtl.tasks.kinds.base import Direction, Kind, Map, Primary, register_kind
from mmmtl.tasks.kinds.stored import (
    Encodings,
    Stored,
    Values,
)

# Scale and offset that give components of -1 to 1; None is how plain files
# are read.
_SCALES = {
    'u': [None, (2 / 65535, -1.0)],
    'i': [(1 / 127, 0.0), (1 / 32767, 0.0)],
    'f': [None, (2.0, -1.0), (2 / 255, -1.0)],
}
# How far the length of a unit vector may be from 1.
_LENGTH = 0.05
# A triple this far from it is none.
_NO_LENGTH = 0.2
# No surface that is seen in 90 degrees has a z above this; noise may.
_BEHIND, _FEW_BEHIND = 0.71, 0.01
#: Where a stored channel may point: component and sign in our frame.
AXES = {
    'right': (0, 1),
    'left': (0, -1),
    'down': (1, 1),
    'up': (1, -1),
    'forward': (2, 1),
    'towards': (2, -1),
}
# All frames: ours first, then those of well-known files.
_KNOWN_FRAMES = (
    'right down forward',
    'left up towards',
    'right up towards',
    'right down towards',
)
_FRAMES = tuple(
    dict.fromkeys(
        [
            *_KNOWN_FRAMES,
            *(
                ' '.join(words)
                for words in permutations(AXES, 3)
                if len({AXES[word][0] for word in words}) == 3
            ),
        ]
    )
)


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
        library: Any = torch if isinstance(values, Tensor) else np
        x, y, z = (_component(values, axis, i) for i in range(3))
        return library.stack([cos * x + sin * y, cos * y - sin * x, z], axis)

    def follow(self, values: np.ndarray, motion: Motion) -> np.ndarray:
        """Turn the vectors as the camera turned."""
        return np.tensordot(motion.rotation, values, axes=1)

    def difference(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Return the angle; 90 where one of the vectors is (0, 0, 0)."""
        a, b = (
            v / np.maximum(np.linalg.norm(v, axis=0), 1e-12)
            for v in (now, before)
        )
        # Exact for small angles, where the arc cosine is not.
        halves = (np.linalg.norm(v, axis=0) for v in (a - b, a + b))
        return np.degrees(2 * np.arctan2(*halves))

    @property
    def difference_unit(self) -> str:
        """See the base class."""
        return 'degrees'

    def blend(self, now: Tensor, before: Tensor, share: Tensor) -> Tensor:
        """Mix vectors and give them length 1 again; see the base class."""
        mixed = F.normalize(super().blend(now, before, share), dim=-3)
        return torch.where(share > 0, mixed, now)

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
        if abs(length - 1) > _LENGTH:
            said.append(f'its median vector has length {length:.2f}, not 1')
        away = float((found[:, 2] > 0).mean())
        if away > 0.2:
            said.append(
                f'{away:.0%} of its normals point away from the camera: it '
                'may be in another frame'
            )
        return said

    def absent_values(self, stored: Stored) -> list[Values]:
        """Take triples of one number that are no unit vector."""
        return [
            tuple(
                v
                for v in stored.values()
                if abs(self._lengths(stored, np.full((1, 3), v))[0] - 1)
                > _NO_LENGTH
                and not self._is_plain_none(stored, v)
            )
        ]

    def encodings(self, stored: Stored, absent: Values) -> Encodings:
        """Say in which frames the surfaces that are seen face the camera."""
        values = stored.sample(absent)
        vectors = self._vectors(stored, values)
        lengths = self._lengths(stored, values)
        length = float(np.median(lengths)) if lengths.size else 0.0
        if abs(length - 1) > _LENGTH:
            raise ValueError(
                f'holds {stored.dtype} vectors of length {length:.2f}: write '
                'unit vectors, or a picture of them'
            )
        seen = [
            frame
            for frame in _FRAMES
            if _faces_camera(vectors, *_place_of_z(frame))
        ]
        return {
            frame: self.encoding(frame, stored, absent)
            for frame in seen or _FRAMES
        }

    def encoding(
        self, word: str, stored: Stored, absent: Values
    ) -> dict[str, Any]:
        """Return the settings for a frame: where the three channels point."""
        word = ' '.join(word.split())
        if word not in _FRAMES:
            raise ValueError(
                f'{word!r}: say where the three channels point, such as '
                f'{_FRAMES[1]!r}'
            )
        scale = _scale_of(stored)
        return {
            **({} if word == _FRAMES[0] else {'axes': word}),
            **(
                {}
                if scale is None
                else {'scale': scale[0], 'offset': scale[1]}
            ),
            **({'no_label': [[v] * 3 for v in absent]} if absent else {}),
        }

    def _vectors(self, stored: Stored, values: np.ndarray) -> np.ndarray:
        """Return stored triples ``(N, 3)`` as vectors in their own frame."""
        scale = _scale_of(stored)
        if scale is not None:
            values = values * scale[0] + scale[1]
        return self.read(values[None])[0]

    def _lengths(self, stored: Stored, values: np.ndarray) -> np.ndarray:
        values = values.astype(stored.dtype)
        return np.linalg.norm(self._vectors(stored, values), axis=-1)

    def _is_plain_none(self, stored: Stored, value: float) -> bool:
        """Say whether :meth:`read` takes a triple for "no label" itself."""
        return _scale_of(stored) is None and (
            value == (128 if stored.is_counted else 0)
        )


def _scale_of(stored: Stored) -> tuple[float, float] | None:
    """Return scale and offset of unit vectors; None for plain files."""
    if stored.dtype == np.uint8:
        return None
    scales = _SCALES.get(stored.dtype.kind, [None])
    pixels = stored.sample(tuple(stored.counts))

    def error(scale: tuple[float, float] | None) -> float:
        factor, offset = scale or (1.0, 0.0)
        vectors = pixels * factor + offset
        return abs(float(np.median(np.linalg.norm(vectors, axis=-1))) - 1)

    return min(scales, key=error) if pixels.size else scales[0]


def _place_of_z(frame: str) -> tuple[int, int]:
    """Return the channel that points forward in a frame, and its sign."""
    return next(
        (channel, AXES[word][1])
        for channel, word in enumerate(frame.split())
        if AXES[word][0] == 2
    )


def _faces_camera(vectors: np.ndarray, channel: int, sign: int) -> bool:
    """Say whether a channel can be what points forward.

    A surface is seen from its front, so that z < 0 but for what stands at
    the border of a wide picture.
    """
    z = sign * vectors[:, channel]
    return bool(z.mean() < 0 and (z > _BEHIND).mean() < _FEW_BEHIND)


def _along(signs: list[float], values: Any, axis: int) -> Any:
    shape = [1] * values.ndim
    shape[axis] = 3
    if isinstance(values, Tensor):
        return values.new_tensor(signs).view(shape)
    return np.asarray(signs, values.dtype).reshape(shape)


def _component(values: Map, axis: int, index: int) -> Map:
    if isinstance(values, Tensor):
        return values.select(axis, index)
    return np.take(values, index, axis)
