"""Cameras, and normals from depth.

Normals come from planes fitted in inverse depth. Through a pinhole camera a
plane is an affine map of inverse depth, ``1 / z = a u + b v + c`` in pixels
(u, v) from the principal point, so a plane fit is a linear regression, and
window sums give it for every window position at once. Depth sensors that
triangulate measure disparity, so their noise is the same everywhere in 1 / z,
which is what least squares assumes.

Two choices keep edges sharp where a plain window would mix two surfaces: a
pixel takes the window in which the depth is most nearly a plane, among those
that contain it (its own, and eight whose centre is a radius away); and it
takes the largest radius at which that plane is good to the sensor's noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

# Kinect: one step of its disparity is 2.85e-3 / m, its noise half of that.
KINECT_NOISE = 1.4e-3
RADII = (12, 6, 3)
# Share of a window's pixels that must have a depth.
_MIN_FILLED = 0.5
# A fit counts as good below this many times the noise, and a pixel belongs
# to a plane if it is this many times the fit's error away from it.
_GOOD = 1.5
_NEAR = 3.0


@dataclass(frozen=True)
class Intrinsics:
    """Where a point of the camera frame lands in the picture.

    Convention:
        A point ``(x, y, z)``, x right, y down, z forward, falls on column
        ``fx x / z + cx`` and row ``fy y / z + cy``; the centre of the first
        pixel is (0, 0).

    Attributes:
        fx: Focal length along the rows, pixels.
        fy: Focal length along the columns, pixels.
        cx: Column of the principal point.
        cy: Row of the principal point.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    def cropped(self, top: int, left: int) -> Intrinsics:
        """Return the camera of a crop.

        Args:
            top: First row of the crop.
            left: First column of the crop.
        """
        return replace(self, cx=self.cx - left, cy=self.cy - top)

    @classmethod
    def centred(cls, focal: float, height: int, width: int) -> Intrinsics:
        """Return a camera with square pixels that looks at the middle.

        Args:
            focal: Focal length, pixels.
            height: Rows of the picture.
            width: Columns of the picture.
        """
        return cls(focal, focal, (width - 1) / 2, (height - 1) / 2)


#: The colour camera of NYU Depth v2 at 480x640, as calibrated by its authors.
NYUD_COLOUR = Intrinsics(fx=518.858, fy=519.470, cx=325.582, cy=253.736)


def normals_from_depth(
    depth: np.ndarray,
    camera: Intrinsics,
    *,
    noise: float = KINECT_NOISE,
    radii: Sequence[int] = RADII,
) -> np.ndarray:
    """Return the normal of the surface at every pixel with a depth.

    Args:
        depth: ``(H, W)`` metres along z; 0 or not finite is unknown.
        camera: The camera of this very picture (crop included).
        noise: Standard deviation of the noise of 1 / depth, 1 / metre.
        radii: Half sizes of the windows, pixels, the largest first.

    Returns:
        ``(H, W, 3)`` float32 unit vectors in the frame of
        `Normals` of :mod:`mmmtl.tasks.kinds`, all turned to the camera side of
        their pixel's ray; (0, 0, 0) where there is no depth, or too little
        around it.
    """
    planes = fit_planes(
        depth, (camera.cx, camera.cy), noise=noise, radii=radii
    )
    return normals_of_planes(planes, camera.fx, camera.fy)


def normals_of_planes(planes: np.ndarray, fx: float, fy: float) -> np.ndarray:
    """Turn planes of inverse depth into normals.

    A plane ``n . P = d`` holds the points ``P = z (u / fx, v / fy, 1)``, so
    ``1 / z = n . (u / fx, v / fy, 1) / d``: n is along (a fx, b fy, c), and
    that direction leads away from the camera since c' P > 0.

    Args:
        planes: ``(H, W, 3)`` from :func:`fit_planes`.
        fx: Focal length along the rows, pixels.
        fy: Focal length along the columns, pixels.

    Returns:
        ``(H, W, 3)`` float32, see :func:`normals_from_depth`.
    """
    normals = -planes * np.array([fx, fy, 1.0])
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = normals / np.where(length > 0, length, 1)
    return normals.astype(np.float32)


def fit_planes(
    depth: np.ndarray,
    centre: tuple[float, float],
    *,
    noise: float = KINECT_NOISE,
    radii: Sequence[int] = RADII,
) -> np.ndarray:
    """Fit a plane to the surroundings of every pixel.

    Args:
        depth: ``(H, W)`` metres along z; 0 or not finite is unknown.
        centre: Column and row of the principal point.
        noise: Standard deviation of the noise of 1 / depth, 1 / metre.
        radii: Half sizes of the windows, pixels, the largest first.

    Returns:
        ``(H, W, 3)`` float64 a, b, c with ``1 / z = a u + b v + c``, u and v
        in pixels from the principal point; 0 where there is no plane.
    """
    known = np.isfinite(depth) & (depth > 0)
    inverse = np.zeros(depth.shape)
    np.divide(1.0, depth, out=inverse, where=known)
    u = np.arange(depth.shape[1], dtype=np.float64)[None] - centre[0]
    v = np.arange(depth.shape[0], dtype=np.float64)[:, None] - centre[1]
    maps = np.zeros((4, *depth.shape))
    best = _Planes(*maps)
    best.error[:] = np.inf
    for radius in radii:
        windows = _window_planes(known, inverse, u, v, radius)
        found = _best_of_nine(windows, inverse, u, v, radius, noise)
        # Larger windows come first and are kept where they are good.
        better = (best.error > _GOOD * noise) & (found.error < best.error)
        best.take(better, found)
    planes = np.stack([best.a, best.b, best.c], axis=-1)
    planes[~known | ~np.isfinite(best.error)] = 0
    return planes


@dataclass
class _Planes:
    """Coefficients and root mean square error, each ``(H, W)``."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    error: np.ndarray

    def at(self, rows: slice, columns: slice) -> _Planes:
        """Return the planes of a part of the picture."""
        maps = (self.a, self.b, self.c, self.error)
        return _Planes(*(m[rows, columns] for m in maps))

    def take(self, where: np.ndarray, other: _Planes) -> None:
        """Overwrite the planes at some pixels by others."""
        for name in ('a', 'b', 'c', 'error'):
            np.copyto(getattr(self, name), getattr(other, name), where=where)


def _window_planes(
    known: np.ndarray,
    inverse: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    radius: int,
) -> _Planes:
    """Regress inverse depth in the window around every pixel."""
    side = 2 * radius + 1
    one = known.astype(np.float64)

    # Regression by moments: with q = 1 / z and means over the window,
    # (a, b) solves [uu uv; uv vv] (a, b) = (uq, vq), and c = q - a u - b v.
    def total(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(
            values,
            cv2.CV_64F,
            (side, side),
            normalize=False,
            borderType=cv2.BORDER_CONSTANT,
        )

    count = total(one)
    enough = count >= _MIN_FILLED * side * side
    share = 1 / np.maximum(count, 1)
    mean_u, mean_v = total(one * u) * share, total(one * v) * share
    mean_q = total(inverse) * share
    uu = total(one * u * u) * share - mean_u**2
    vv = total(one * v * v) * share - mean_v**2
    uv = total(one * u * v) * share - mean_u * mean_v
    uq = total(inverse * u) * share - mean_u * mean_q
    vq = total(inverse * v) * share - mean_v * mean_q
    qq = total(inverse * inverse) * share - mean_q**2
    determinant = uu * vv - uv * uv
    # Known pixels on one line do not make a plane.
    enough &= determinant > 1e-3
    scale = 1 / np.where(enough, determinant, 1)
    a = (uq * vv - vq * uv) * scale
    b = (vq * uu - uq * uv) * scale
    error = np.sqrt(np.maximum(qq - a * uq - b * vq, 0))
    error[~enough] = np.inf
    return _Planes(a, b, mean_q - a * mean_u - b * mean_v, error)


def _best_of_nine(
    windows: _Planes,
    inverse: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    radius: int,
    noise: float,
) -> _Planes:
    """Per pixel, the flattest of the windows that contain it."""
    best = _Planes(*np.zeros((4, *inverse.shape)))
    best.error[:] = np.inf
    for target, source in _shifts(inverse.shape, radius):
        planes = windows.at(*source)
        rows, columns = target
        expected = planes.a * u[:, columns] + planes.b * v[rows] + planes.c
        away = np.abs(inverse[target] - expected)
        here = best.at(*target)
        with np.errstate(invalid='ignore'):  # inf: no plane there
            fits = away <= _NEAR * np.maximum(planes.error, noise)
            # Its own window comes first; another must be clearly flatter.
            flatter = planes.error < 0.7 * here.error - 0.3 * noise
        here.take(fits & (flatter | np.isinf(here.error)), planes)
    return best


def _shifts(
    shape: tuple[int, int], radius: int
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Pixels, and the pixels a radius away, the own place first."""

    def parts(size: int, step: int) -> tuple[slice, slice]:
        start, stop = max(0, -step), min(size, size - step)
        stop = max(start, stop)
        return slice(start, stop), slice(start + step, stop + step)

    steps = (0, -radius, radius)
    for down in steps:
        for right in steps:
            rows, columns = parts(shape[0], down), parts(shape[1], right)
            yield (rows[0], columns[0]), (rows[1], columns[1])
