"""F-measure and IoU of saliency maps under the four protocols in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmmtl.evaluation.functional.binary import f_measure, threshold_counts


@dataclass(frozen=True, eq=False)
class SaliencyProtocol:
    """How maps become one F.

    Attributes:
        thresholds: ``(M,)`` rising; salient where >= a threshold. float32
            probabilities, or bytes where ``stored``.
        beta_squared: Weight of recall, see
            :func:`~mmmtl.evaluation.functional.binary.f_measure`.
        average: What is averaged before the maximum over the thresholds is
            taken: ``'counts'`` (pixels of all images pooled), ``'ratios'``
            (precision and recall of the images) or ``'f'`` (F of the
            images).
        stretch: Whether each map is first stretched to 0..1.
        stored: Whether maps are measured as the bytes of a picture file.
    """

    thresholds: np.ndarray
    beta_squared: float
    average: str
    stretch: bool = False
    stored: bool = False


#: By name. ``'dataset'`` is the protocol of brdav/atrc and its successors,
#: ``'mti-net'`` the one by which SimonVandenhende's MTI-Net code looks on
#: while it trains, ``'mti-net-files'`` the one by which it and its successors
#: (kimsunkyung/SCA_MTL at 8214866, ``evaluation/eval_sal.py``) measure the
#: maps they have stored, ``'sod'`` that of the toolboxes for salient object
#: detection.
SALIENCY_PROTOCOLS = {
    'dataset': SaliencyProtocol(
        thresholds=np.arange(1, 20, dtype=np.float32) / np.float32(20),
        beta_squared=0.3,
        average='counts',
    ),
    'mti-net': SaliencyProtocol(
        thresholds=np.linspace(0.2, 0.9, 15, dtype=np.float32),
        beta_squared=1.0,
        average='ratios',
    ),
    'mti-net-files': SaliencyProtocol(
        # Salient is v / 255 > k / 20 for k = 4 .. 18, that is v above the
        # whole part of 255 k / 20. In whole numbers, so that the bytes that
        # equal a threshold (51, 102, 153, 204) are not salient on any
        # machine.
        thresholds=255 * np.arange(4, 19) // 20 + 1,
        beta_squared=0.3,
        average='ratios',
        stored=True,
    ),
    'sod': SaliencyProtocol(
        thresholds=np.arange(256, dtype=np.float32) / np.float32(255),
        beta_squared=0.3,
        average='f',
        stretch=True,
    ),
}


def saliency_sums(
    probability: np.ndarray, label: np.ndarray, protocol: SaliencyProtocol
) -> tuple[np.ndarray, ...]:
    """Measure one image.

    Args:
        probability: ``(N,)`` values in 0..1 of the valid pixels.
        label: ``(N,)`` labels in {0, 1} of the same pixels.
        protocol: What is compared at which thresholds.

    Returns:
        ``(3, M)`` counts, precisions and recalls ``(2, M)`` and F ``(M,)``
        of this image (0 where they are 0/0), IoU ``(M,)`` (1 where neither
        holds a salient pixel), and ``(2,)``: sum and mean of the absolute
        errors. All may be added over images.
    """
    values = probability.astype(np.float32, copy=False)
    if protocol.stretch:
        values = _stretch(values)
    levels = values
    if protocol.stored:
        # numpy's astype cuts the fraction off, and so did the authors.
        levels = (values * np.float32(255)).astype(np.uint8)
        values = levels / np.float32(255)
    counts = threshold_counts(levels, label, protocol.thresholds)
    hits, predicted, labelled = counts
    union = predicted + labelled - hits
    ratios = np.stack(
        [hits / np.maximum(predicted, 1), hits / np.maximum(labelled, 1)]
    )
    f = f_measure(counts, beta_squared=protocol.beta_squared)
    iou = np.where(union == 0, 1.0, hits / np.maximum(union, 1))
    errors = np.abs(values.astype(np.float64) - (label == 1))
    return counts, ratios, f, iou, np.array([errors.sum(), errors.mean()])


def saliency_scores(
    sums: tuple[np.ndarray, ...],
    *,
    num_images: int,
    num_pixels: int,
    protocol: SaliencyProtocol,
) -> dict[str, float]:
    """Turn sums over the data set into scores.

    Convention:
        Under ``'dataset'`` every pixel of the data set counts the same,
        under the others every image.

    Args:
        sums: Results of :func:`saliency_sums`, added over the images.
        num_images: Number of images with labels.
        num_pixels: Number of valid pixels.
        protocol: The protocol the sums were made with.

    Returns:
        ``maxF`` in percent, ``mae`` in 0..1, and where maps are measured as
        stored ``mIoU`` in percent.
    """
    counts, ratios, f, iou, (error_sum, error_means) = sums
    if protocol.average == 'counts':
        curve = f_measure(counts, beta_squared=protocol.beta_squared)
        mae = error_sum / num_pixels
    else:
        mae = error_means / num_images
        if protocol.average == 'f':
            curve = f / num_images
        else:
            precision, recall = ratios / num_images
            b = protocol.beta_squared
            whole = np.maximum(b * precision + recall, 1e-12)
            curve = (1 + b) * precision * recall / whole
    scores = {'maxF': 100.0 * float(curve.max()), 'mae': float(mae)}
    if protocol.stored:
        scores['mIoU'] = 100.0 * float(iou.max()) / num_images
    return scores


def _stretch(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return values if low == high else (values - low) / (high - low)
