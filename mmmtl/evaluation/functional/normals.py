"""Angles between surface normals."""

from __future__ import annotations

import numpy as np

#: Degrees. Shares of pixels below these angles are reported.
LIMITS = (11.25, 22.5, 30.0)

#: Degrees. Width of a histogram bin: 3,600 bins are 14 kB an image, some
#: 70 MB for the 5,105 images of PASCAL-Context. The lower median, interpolated
#: in its bin, is off by less than this.
BIN_WIDTH = 0.05

_NUM_BINS = round(180 / BIN_WIDTH)


def angles(prediction: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Measure the angle between two fields of vectors.

    ``2 atan2(|p - t|, |p + t|)`` of the unit vectors is exact for small and
    for large angles, where the arc cosine of their product is not.

    Args:
        prediction: ``(3, N)`` vectors of any length.
        label: ``(3, N)`` vectors of any length.

    Returns:
        ``(N,)`` float64 degrees in 0..180; 90 where either is (0, 0, 0).
    """
    p, t = _unit(prediction), _unit(label)
    return np.degrees(2 * np.arctan2(_length(p - t), _length(p + t)))


def angle_sums(degrees: np.ndarray) -> np.ndarray:
    """Sum the angles of one image.

    Args:
        degrees: ``(N,)`` angles of the valid pixels.

    Returns:
        ``(5,)`` float64: sum, sum of squares, number below each of
        ``LIMITS``.
    """
    return np.array(
        [
            degrees.sum(),
            (degrees**2).sum(),
            *(np.count_nonzero(degrees < limit) for limit in LIMITS),
        ]
    )


def angle_histogram(degrees: np.ndarray) -> np.ndarray:
    """Count the angles of one image in bins of ``BIN_WIDTH``.

    Args:
        degrees: ``(N,)`` angles in 0..180.

    Returns:
        ``(3600,)`` int32 counts; 180 is in the last bin.
    """
    bins = (degrees / BIN_WIDTH).astype(np.int64)
    bins = np.minimum(bins, _NUM_BINS - 1)
    return np.bincount(bins, minlength=_NUM_BINS).astype(np.int32)


def histogram_median(histogram: np.ndarray) -> float:
    """Find the median of binned angles, linear within its bin.

    Args:
        histogram: ``(3600,)`` counts, summed over the data set.

    Returns:
        Degrees, off by less than ``BIN_WIDTH`` from the lower median (of
        an even number, the smaller of the two values in the middle).
    """
    below = np.cumsum(histogram)
    half = below[-1] / 2
    index = int(np.searchsorted(below, half))
    inside = half - (below[index] - histogram[index])
    return float((index + inside / histogram[index]) * BIN_WIDTH)


def normals_scores(
    sums: np.ndarray, histogram: np.ndarray, count: int
) -> dict[str, float]:
    """Turn sums over the data set into errors.

    Convention:
        Every pixel of the data set counts the same.

    Args:
        sums: ``(5,)`` of :func:`angle_sums`, added over the images.
        histogram: ``(3600,)`` of :func:`angle_histogram`, added likewise.
        count: Number of valid pixels > 0.

    Returns:
        ``mean_err``, ``median`` and ``rmse`` in degrees, ``within_11.25``,
        ``within_22.5`` and ``within_30`` in percent of the pixels.
    """
    mean = [float(value) for value in sums / count]
    return {
        'mean_err': mean[0],
        'median': histogram_median(histogram),
        'rmse': mean[1] ** 0.5,
        **{
            f'within_{limit:g}': 100.0 * share
            for limit, share in zip(LIMITS, mean[2:], strict=True)
        },
    }


def _length(vectors: np.ndarray) -> np.ndarray:
    x, y, z = vectors
    return np.sqrt(x * x + y * y + z * z)


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    # A zero vector stays zero.
    return vectors / np.maximum(_length(vectors), 1e-12)
