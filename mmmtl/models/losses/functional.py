"""The losses as pure functions of logits, label and validity.

Definitions follow yangyangxu0/DeMT (commit b638e14), which shares its losses
with MQTransformer and ATRC (brdav/atrc). Written anew from the equations.

Faithful:
    * Normalisers are counted over the batch of one process; gradients of
      several processes are averaged by DDP.
    * ``normals_l1`` sums over the three channels and divides by pixels, so it
      is three times the mean over elements, which MTI-Net and SCA-MTL
      (kimsunkyung/SCA_MTL at 8214866) take: ``average='elements'``. Its
      target is not normalised.
    * ``balanced_saliency_loss`` divides by pixels, not by the sum of weights.

Departs:
    * A pixel without a label is told by ``valid`` rather than by the value
      255 (which is a possible depth).
    * Without a valid pixel every loss is 0 with zero gradients; the released
      edge loss is NaN there, the released saliency loss raises an error.

Convention:
    All means are over the valid pixels of the whole batch. ``valid`` is
    boolean (B, 1, H, W); labels hold any value where it is False. Half
    precision is widened to float32 first. The result is a scalar.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

DivideBy = Literal['valid', 'all']
Unlabelled = Literal['ignored', 'foreground']
NormalsAverage = Literal['pixels', 'elements']


def segmentation_cross_entropy(
    logits: Tensor,
    label: Tensor,
    valid: Tensor,
    *,
    divide_by: DivideBy = 'valid',
) -> Tensor:
    """Average ``-log softmax(logits)[label]`` over the valid pixels.

    Args:
        logits: ``(B, K, H, W)``.
        label: ``(B, 1, H, W)`` int64 class ids in 0..K-1 where valid.
        valid: ``(B, 1, H, W)`` bool.
        divide_by: The number of valid pixels, or that of all pixels, as the
            segmentation framework of several released codes does.

    Returns:
        Scalar >= 0.
    """
    target = label.masked_fill(~valid, -100)[:, 0]
    # Per pixel, then summed: CUDA's own sum of it is not deterministic.
    pixels = F.cross_entropy(
        widen(logits), target, ignore_index=-100, reduction='none'
    )
    count = valid.numel() if divide_by == 'all' else _count(valid)
    return pixels.sum() / count


def balanced_saliency_loss(
    logits: Tensor,
    label: Tensor,
    valid: Tensor,
    *,
    unlabelled: Unlabelled = 'ignored',
) -> Tensor:
    """Cross entropy in which the rarer of two classes weighs more.

    With ``p`` the probability of class 1 and ``w1`` the share of valid
    pixels of class 0 in the batch, ``w0 = 1 - w1``: the mean over valid
    pixels of ``-(w1 y log p + w0 (1 - y) log(1 - p))``. A batch with one
    class only therefore has loss 0.

    Args:
        logits: ``(B, 2, H, W)`` for ``p = softmax(logits)[1]``, or
            ``(B, 1, H, W)`` for ``p = sigmoid(logits)``: the same loss with
            two channels ``(0, logits)``.
        label: ``(B, 1, H, W)`` int64 in {0, 1} where valid.
        valid: ``(B, 1, H, W)`` bool.
        unlabelled: What a pixel without a label counts as: ``ignored``, it
            enters neither sum nor share, or ``foreground``, class 1 (the
            released code of SCA-MTL and MTI-Net, where 255 is >= 0.5).

    Returns:
        Scalar >= 0.
    """
    if unlabelled == 'foreground':
        label = label.masked_fill(~valid, 1)
        valid = torch.ones_like(valid)
    logits, target = _binary(logits, label, valid)
    count = _count(valid)
    weight = ((1 - target) * valid).sum() / count
    return _weighted_binary(logits, target, valid, weight) / count


def binary_cross_entropy(
    logits: Tensor, label: Tensor, valid: Tensor
) -> Tensor:
    """Average ``-(y log p + (1 - y) log(1 - p))`` over the valid pixels.

    Args:
        logits: As of :func:`balanced_saliency_loss`.
        label: ``(B, 1, H, W)`` int64 in {0, 1} where valid.
        valid: ``(B, 1, H, W)`` bool.

    Returns:
        Scalar >= 0.
    """
    # Twice the sum with equal weights of one half.
    return 2 * balanced_edge_loss(logits, label, valid, pos_weight=0.5)


def binary_dice(
    logits: Tensor, label: Tensor, valid: Tensor, *, smooth: float
) -> Tensor:
    """Compute one minus the Dice coefficient of probabilities.

    ``1 - (2 sum p y + s) / (sum p^2 + sum y^2 + s)`` with the sums over the
    valid pixels of the batch: an image without any 1 has no coefficient of
    its own. Equation of section 3 of Milletari et al., "V-Net", 3DV 2016,
    which has no ``s``.

    Args:
        logits: As of :func:`balanced_saliency_loss`.
        label: ``(B, 1, H, W)`` int64 in {0, 1} where valid.
        valid: ``(B, 1, H, W)`` bool.
        smooth: The ``s`` in pixels: without a valid pixel, or without a 1
            in label and prediction, the loss is 0.

    Returns:
        Scalar in 0..1.
    """
    logits, target = _binary(logits, label, valid)
    p = logits.sigmoid().masked_fill(~valid, 0)
    both = 2 * (p * target).sum() + smooth
    return 1 - both / (p.square().sum() + target.sum() + smooth)


def binary_focal(
    logits: Tensor, label: Tensor, valid: Tensor, *, alpha: float, gamma: float
) -> Tensor:
    """Average the focal loss over the valid pixels.

    ``-a (1 - q)^gamma log q`` with ``q`` the probability of what is there
    (p or 1 - p), and ``a`` alpha for y = 1, 1 - alpha for y = 0. Equation 5
    of Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, which
    divides by the number of anchors with an object instead.

    Args:
        logits: As of :func:`balanced_saliency_loss`.
        label: ``(B, 1, H, W)`` int64 in {0, 1} where valid.
        valid: ``(B, 1, H, W)`` bool.
        alpha: Weight of y = 1, 0..1.
        gamma: Above 0, what is certain already counts little.

    Returns:
        Scalar >= 0.
    """
    logits, target = _binary(logits, label, valid)
    signed = logits * (2 * target - 1)
    # (1 - q)^gamma by its logarithm: finite slopes also where q rounds to 1.
    rest = (gamma * F.logsigmoid(-signed)).exp()
    weight = alpha * target + (1 - alpha) * (1 - target)
    pixels = -weight * rest * F.logsigmoid(signed)
    return pixels.masked_fill(~valid, 0).sum() / _count(valid)


def normals_l1(
    logits: Tensor,
    label: Tensor,
    valid: Tensor,
    *,
    average: NormalsAverage = 'pixels',
) -> Tensor:
    """Average the L1 distance of the normalised prediction to the label.

    Args:
        logits: ``(B, 3, H, W)`` vectors of any length; a zero vector stays
            zero.
        label: ``(B, 3, H, W)`` unit vectors where valid, taken as they are.
        valid: ``(B, 1, H, W)`` bool.
        average: ``pixels`` sums over x, y, z and averages over valid pixels;
            ``elements`` averages over x, y, z as well, a third of it.

    Returns:
        Scalar >= 0.
    """
    loss = masked_l1(F.normalize(widen(logits), dim=1), label, valid)
    return loss / logits.shape[1] if average == 'elements' else loss


def depth_l1(logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
    """Average the absolute error of depth.

    Args:
        logits: ``(B, 1, H, W)`` metres, not clamped.
        label: ``(B, 1, H, W)`` metres.
        valid: ``(B, 1, H, W)`` bool.

    Returns:
        Scalar >= 0 in metres.
    """
    return masked_l1(logits, label, valid)


def balanced_edge_loss(
    logits: Tensor, label: Tensor, valid: Tensor, *, pos_weight: float
) -> Tensor:
    """Cross entropy with a fixed weight of the (rare) edge pixels.

    With ``p = sigmoid(logits)`` and ``w`` the positive weight: the mean over
    valid pixels of ``-(w y log p + (1 - w)(1 - y) log(1 - p))``.

    Args:
        logits: ``(B, 1, H, W)``.
        label: ``(B, 1, H, W)`` int64 in {0, 1} where valid.
        valid: ``(B, 1, H, W)`` bool.
        pos_weight: Share ``w`` of an edge pixel in 0..1 (not PyTorch's
            ``pos_weight``, which would be ``w / (1 - w)``).

    Returns:
        Scalar >= 0.
    """
    logits, target = _binary(logits, label, valid)
    total = _weighted_binary(logits, target, valid, pos_weight)
    return total / _count(valid)


def masked_l1(prediction: Tensor, label: Tensor, valid: Tensor) -> Tensor:
    """Sum absolute differences over channels, average over valid pixels.

    Args:
        prediction: ``(B, C, H, W)``.
        label: ``(B, C, H, W)``.
        valid: ``(B, 1, H, W)`` bool.

    Returns:
        Scalar >= 0.
    """
    prediction = widen(prediction)
    # Filled first, so that no gradient depends on what the sign of NaN is.
    target = label.to(prediction.dtype).masked_fill(~valid, 0)
    difference = (prediction - target).abs().masked_fill(~valid, 0)
    return difference.sum() / _count(valid)


def _binary(
    logits: Tensor, label: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor]:
    """Return ``(B, 1, H, W)`` logits, and the label, 0 where not valid."""
    logits = widen(logits)
    if logits.shape[1] == 2:
        # A softmax over two channels is a sigmoid of their difference.
        logits = logits[:, 1:] - logits[:, :1]
    return logits, label.masked_fill(~valid, 0).to(logits.dtype)


def _weighted_binary(
    logits: Tensor, target: Tensor, valid: Tensor, weight: Tensor | float
) -> Tensor:
    """Sum ``-(w y log p + (1 - w)(1 - y) log(1 - p))`` over valid pixels."""
    positive = weight * target * F.logsigmoid(logits)
    negative = (1 - weight) * (1 - target) * F.logsigmoid(-logits)
    return -(positive + negative).masked_fill(~valid, 0).sum()


def _count(valid: Tensor) -> Tensor:
    # One at least: the mean over nothing is 0, not NaN.
    return valid.sum().clamp(min=1)


def widen(logits: Tensor) -> Tensor:
    """Return half precision as float32, anything else as it is.

    Sums over a million pixels overflow float16 and lose digits in bfloat16.
    """
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
