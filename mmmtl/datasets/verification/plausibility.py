"""Numbers about decoded maps, and checks that a decoder cannot make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np

from mmmtl.datasets.label_file import Axes
from mmmtl.geometry import Intrinsics, fit_planes, normals_of_planes
from mmmtl.tasks import get_task

# Fields of view of 30 to 100 degrees, as focal length over image width.
_FOCALS = 0.5 / np.tan(np.radians(np.arange(30, 101, 5)) / 2)
_RADII = (5, 2)
# A map smaller than this gives no statement about an angle.
_MIN_PIXELS = 100
# About this many, evenly spread, say as much as all of them.
_ENOUGH_PIXELS = 20000
# In mean cosine; noise of a sensor changes it by less.
_CLEARLY = 0.03
# Where the axes of our frame point, and their opposites.
_DIRECTIONS = (
    ('right', 'left'),
    ('down', 'up'),
    ('forward', 'towards the camera'),
)


def describe(task: str, label: np.ndarray) -> dict[str, Any]:
    """Describe one decoded map.

    Args:
        task: Its task.
        label: ``(H, W)`` or ``(H, W, 3)``.

    Returns:
        ``pixels``, ``labelled``; of maps of numbers ``low``, ``median``,
        ``high``, of maps of classes ``counts`` (class id -> pixels).
    """
    kind = get_task(task).kind
    channels = label[None] if label.ndim == 2 else label.transpose(2, 0, 1)
    valid = kind.valid(channels)[0]
    found: dict[str, Any] = {
        'pixels': int(valid.size),
        'labelled': int(valid.sum()),
    }
    if label.ndim != 2:
        return found
    values = label[valid]
    if not kind.dtype.is_floating_point:
        counts = np.bincount(values.ravel())
        found['counts'] = {int(i): int(counts[i]) for i in counts.nonzero()[0]}
    elif values.size:
        found['low'], found['high'] = float(values.min()), float(values.max())
        found['median'] = float(np.median(values))
    return found


def merge(task: str, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put the descriptions of many maps together.

    Args:
        task: Their task.
        parts: What :func:`describe` returned, and ``angle`` of normals where
            they could be compared with depth.

    Returns:
        ``maps``, ``labelled`` (share of the pixels), and ``low``, ``median``
        (of the maps' medians), ``high``, ``counts`` or ``angle`` (median).
    """
    pixels = sum(part['pixels'] for part in parts)
    merged: dict[str, Any] = {
        'maps': len(parts),
        'labelled': sum(part['labelled'] for part in parts) / max(pixels, 1),
        'unit': get_task(task).kind.unit,
    }
    numbers = [part for part in parts if 'median' in part]
    if numbers:
        merged['low'] = min(part['low'] for part in numbers)
        merged['median'] = float(np.median([p['median'] for p in numbers]))
        merged['high'] = max(part['high'] for part in numbers)
    counts: dict[int, int] = {}
    for part in parts:
        for class_id, count in part.get('counts', {}).items():
            counts[class_id] = counts.get(class_id, 0) + count
    if counts:
        merged['counts'] = dict(sorted(counts.items()))
    angles = [part['angle'] for part in parts if 'angle' in part]
    if angles:
        merged['angle_to_depth'] = float(np.median(angles))
    return merged


def share_facing_away(normals: np.ndarray, camera: Intrinsics) -> float:
    """Return the share of the normals that point away from the camera.

    Args:
        normals: ``(H, W, 3)``; (0, 0, 0) does not count.
        camera: The camera.

    Returns:
        0 to 1; 0 if there is no normal.
    """
    known = (normals != 0).any(axis=2)
    if not known.any():
        return 0.0
    along = (normals * rays(camera, *normals.shape[:2])).sum(axis=2)
    return float((along[known] > 0).mean())


def rays(camera: Intrinsics, height: int, width: int) -> np.ndarray:
    """Return the directions of the pixels, scaled to z = 1.

    Args:
        camera: The camera.
        height: Rows of the picture.
        width: Columns of the picture.

    Returns:
        ``(H, W, 3)`` float64 in the camera frame.
    """
    x = (np.arange(width) - camera.cx) / camera.fx
    y = (np.arange(height) - camera.cy) / camera.fy
    x, y = np.meshgrid(x, y)
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def length_error(normals: np.ndarray) -> float:
    """Return how far the length of the median normal is from 1.

    Args:
        normals: ``(H, W, 3)``; (0, 0, 0) does not count.

    Returns:
        0 if there is no normal.
    """
    known = (normals != 0).any(axis=2)
    if not known.any():
        return 0.0
    lengths = np.linalg.norm(normals[known], axis=1)
    return float(abs(np.median(lengths) - 1))


@dataclass(frozen=True)
class Remedy:
    """An exchange of axes and signs; that of the right normals by default.

    Attributes:
        axes: Which channel is x, which is y, which is z.
        signs: Their signs.
    """

    axes: tuple[int, ...] = (0, 1, 2)
    signs: tuple[int, ...] = (1, 1, 1)

    def __str__(self) -> str:
        names = [
            ('-' if sign < 0 else '') + 'xyz'[axis]
            for axis, sign in zip(self.axes, self.signs, strict=True)
        ]
        return f'({", ".join(names)})'

    def stored_frame(self, axes: Axes) -> str:
        """Say in which frame the file is that this exchange would mend.

        Args:
            axes: How every stored channel was decoded
                (:class:`~mmmtl.datasets.label_file.LabelFile`).

        Returns:
            Where the three channels point, e.g. ``'x right, y up, z
            forward'``.
        """
        words = []
        for component, sign in axes:
            place = self.axes.index(component)
            is_opposite = sign * self.signs[place] < 0
            words.append(_DIRECTIONS[place][is_opposite])
        return ', '.join(
            f'{name} {word}' for name, word in zip('xyz', words, strict=True)
        )


@dataclass(frozen=True)
class Agreement:
    """How normals compare with those of the depth.

    Attributes:
        angle: Median, degrees.
        remedy: With what they would agree clearly better; None if there is
            nothing better.
    """

    angle: float
    remedy: Remedy | None


def compare_with_depth(
    normals: np.ndarray, depth: np.ndarray, camera: Intrinsics | None
) -> Agreement | None:
    """Compare normals with those of the depth.

    Convention:
        Without a camera the field of view that fits best is taken: a wrong
        axis or sign cannot be made up for by a focal length. A median alone
        would miss a mirrored axis where most of the view is floor, so that
        all exchanges of axes and signs are tried as well, and compared by
        their mean cosine.

    Args:
        normals: ``(H, W, 3)``; (0, 0, 0) does not count.
        depth: ``(H, W)`` metres, 0 unknown.
        camera: The camera, None if unknown.

    Returns:
        None if too few pixels have both.
    """
    ours, theirs = _both(normals, depth, camera)
    if len(theirs) < _MIN_PIXELS:
        return None
    cosines = [(one * theirs).sum(axis=1) for one in ours]
    best = max(np.median(cosine) for cosine in cosines)
    return Agreement(
        angle=float(np.degrees(np.arccos(np.clip(best, -1, 1)))),
        remedy=_remedy([one.T @ theirs / len(theirs) for one in ours]),
    )


def score_frames(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
) -> dict[Remedy, float]:
    """Say how well stored normals agree with depth, frame by frame.

    Args:
        pairs: Normals as they are stored, ``(H, W, 3)``, and depth,
            ``(H, W)`` in any unit, of several images of one camera.

    Returns:
        Mean cosine of every exchange of axes and signs, with the field of
        view that suits it best; empty if too few pixels have both.
    """
    products: list[np.ndarray] = []
    count = 0
    for normals, depth in pairs:
        ours, theirs = _both(normals, depth, None)
        count += len(theirs)
        sums = [one.T @ theirs for one in ours]
        products = [
            total + part
            for total, part in zip(
                products or [0] * len(sums), sums, strict=True
            )
        ]
    if count < _MIN_PIXELS:
        return {}
    return _scores([total / count for total in products])


def _both(
    normals: np.ndarray, depth: np.ndarray, camera: Intrinsics | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return normals of the depth, per field of view, and those to compare.

    Args:
        normals: ``(H, W, 3)``.
        depth: ``(H, W)``.
        camera: The camera, None if unknown.

    Returns:
        Unit vectors ``(N, 3)`` of pixels that have both.
    """
    height, width = depth.shape
    view = camera or Intrinsics.centred(1.0, height, width)
    planes = fit_planes(depth, (view.cx, view.cy), radii=_RADII)
    known = (normals != 0).any(axis=2) & (planes != 0).any(axis=2)
    count = int(known.sum())
    known[known] = np.arange(count) % (1 + count // _ENOUGH_PIXELS) == 0
    theirs = normals[known]
    theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    planes = planes[known][:, None]  # (N, 1, 3), as a picture
    focals = (
        [(view.fx, view.fy)]
        if camera
        else [(share * width, share * width) for share in _FOCALS]
    )
    ours = [normals_of_planes(planes, fx, fy)[:, 0] for fx, fy in focals]
    return ours, theirs


def _remedy(products: Sequence[np.ndarray]) -> Remedy | None:
    """Find the exchange of axes and signs that agrees clearly better."""
    scores = _scores(products)
    best = max(scores, key=scores.__getitem__)
    return None if scores[best] < scores[Remedy()] + _CLEARLY else best


def _scores(products: Sequence[np.ndarray]) -> dict[Remedy, float]:
    """Return the mean cosine of every exchange of axes and signs.

    Args:
        products: Per focal length the mean of ``ours theirs^T``, (3, 3): a
            mean cosine is a signed sum of three of its elements.
    """
    return {
        Remedy(axes, signs): max(
            sum(s * m[i, axes[i]] for i, s in enumerate(signs))
            for m in products
        )
        for axes in permutations(range(3))
        for signs in product((1, -1), repeat=3)
    }
