"""Errors of depth maps."""

from __future__ import annotations

import numpy as np

#: Metres. Smallest prediction in ratios and logarithms, which a prediction
#: of 0 m would make infinite: 1 mm is below any sensor's reach.
MIN_DEPTH = 1e-3

#: Metres. What is nearer counts as this near in inverse depth, prediction and
#: label alike: at ``MIN_DEPTH`` a single pixel would weigh 1000 / m, more
#: than all pixels of a street together. No data set here has labels nearer.
MIN_INVERTED_DEPTH = 0.1


def depth_error_sums(prediction: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Sum the errors of one image.

    Args:
        prediction: ``(N,)`` metres of the valid pixels; clamped at >= 0, and
            at >= ``MIN_DEPTH`` where it is divided by or its logarithm taken.
        label: ``(N,)`` metres > 0 of the same pixels.

    Returns:
        ``(9,)`` float64 sums over the pixels, in the order of
        :func:`depth_scores`.
    """
    predicted = np.maximum(prediction.astype(np.float64), 0)
    target = label.astype(np.float64)
    absolute = np.abs(predicted - target)
    squared = absolute**2
    # One logarithm gives the log errors and, by its size, the thresholds.
    log_ratio = np.log(np.maximum(predicted, MIN_DEPTH) / target)
    size = np.abs(log_ratio)
    step = np.log(1.25)
    return np.array(
        [
            squared.sum(),
            absolute.sum(),
            (absolute / target).sum(),
            (squared / target).sum(),
            size.sum() / np.log(10),
            (log_ratio**2).sum(),
            *(np.count_nonzero(size < power * step) for power in (1, 2, 3)),
        ]
    )


def depth_scores(sums: np.ndarray, count: int) -> dict[str, float]:
    """Turn sums over the data set into errors.

    Convention:
        Every pixel of the data set counts the same: the root of ``rmse`` is
        taken once, over all pixels, not per image.

    Args:
        sums: ``(9,)`` of :func:`depth_error_sums`, added over the images.
        count: Number of valid pixels > 0.

    Returns:
        ``rmse`` and ``abs_err`` (metre), ``abs_rel`` (share), ``sq_rel``
        (metre), ``log10``, ``rmse_log`` (natural logarithm), ``delta1..3``
        (percent of pixels within a factor of 1.25, 1.25**2, 1.25**3).
    """
    mean = [float(value) for value in sums / count]
    return {
        'rmse': mean[0] ** 0.5,
        'abs_err': mean[1],
        'abs_rel': mean[2],
        'sq_rel': mean[3],
        'log10': mean[4],
        'rmse_log': mean[5] ** 0.5,
        'delta1': 100.0 * mean[6],
        'delta2': 100.0 * mean[7],
        'delta3': 100.0 * mean[8],
    }


def inverse_depth_error_sums(
    prediction: np.ndarray, label: np.ndarray
) -> np.ndarray:
    """Sum the errors of one image's inverse depth.

    Convention:
        Inverse depth is disparity up to a factor, the camera's baseline
        times its focal length. Depths are clamped at >=
        ``MIN_INVERTED_DEPTH``.

    Args:
        prediction: ``(N,)`` metres of the valid pixels.
        label: ``(N,)`` metres > 0 of the same pixels.

    Returns:
        ``(2,)`` float64 sums over the pixels, in the order of
        :func:`inverse_depth_scores`.
    """
    predicted, target = (
        np.maximum(depth.astype(np.float64), MIN_INVERTED_DEPTH)
        for depth in (prediction, label)
    )
    absolute = np.abs(1 / predicted - 1 / target)
    return np.array([absolute.sum(), (absolute * target).sum()])


def inverse_depth_scores(sums: np.ndarray, count: int) -> dict[str, float]:
    """Turn sums over the data set into errors.

    Args:
        sums: ``(2,)`` of :func:`inverse_depth_error_sums`, added over the
            images.
        count: Number of valid pixels > 0.

    Returns:
        ``inv_abs_err`` (1 / metre), ``inv_abs_rel`` (share; the same of
        disparity, since the factor cancels).
    """
    absolute, relative = (float(value) for value in sums / count)
    return {'inv_abs_err': absolute, 'inv_abs_rel': relative}
