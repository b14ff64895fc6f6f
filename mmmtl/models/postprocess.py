"""From network outputs to predictions in real units, task by task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor

from mmmtl.tasks import TaskSpec, get_task_spec

ClassResize = Literal['bilinear', 'nearest']


def activate(task: str, logits: Tensor) -> Tensor:
    """Turn logits into values that may be averaged.

    Args:
        task: Task name.
        logits: ``(..., K, H, W)`` network output.

    Returns:
        ``(..., C, H, W)``: class probabilities, probability of an edge or of
        salience (C = 1), unit vectors, metres >= 0, or the values as they
        are, by the row of the task.
    """
    decode = get_task_spec(task).decode
    if decode == 'argmax':
        return logits.softmax(dim=-3)
    if decode == 'sigmoid_or_softmax1' and logits.shape[-3] == 2:
        return logits.softmax(dim=-3)[..., 1:, :, :]
    if decode.startswith('sigmoid'):
        return logits.sigmoid()
    if decode == 'l2_normalize':
        return F.normalize(logits, dim=-3)
    if decode == 'clamp_min_0':
        return logits.clamp(min=0)
    return logits


def finalize(task: str, soft: Tensor) -> Tensor:
    """Turn (averaged) values of :func:`activate` into the prediction.

    Args:
        task: Task name.
        soft: ``(..., C, H, W)`` output of :func:`activate`.

    Returns:
        ``(..., 1, H, W)`` class ids, or the values with unit vectors
        normalised again: a mean of unit vectors is shorter than one.
    """
    spec = get_task_spec(task)
    if spec.decode == 'argmax':
        return soft.argmax(dim=-3, keepdim=True)
    if spec.decode == 'l2_normalize':
        soft = F.normalize(soft, dim=-3)
    return soft.to(spec.pred_dtype)


def decode(task: str, logits: Tensor) -> Tensor:
    """Turn logits into the prediction of a task.

    Args:
        task: Task name.
        logits: ``(..., K, H, W)`` network output.

    Returns:
        ``(..., C, H, W)`` prediction of the row's ``pred_dtype``.
    """
    if get_task_spec(task).decode == 'argmax':
        # The softmax does not change which class is the largest.
        return finalize(task, logits)
    return finalize(task, activate(task, logits))


def undo_augmentation(
    task: str,
    logits: Tensor,
    metainfo: Mapping[str, Any],
    *,
    class_resize: ClassResize = 'bilinear',
) -> Tensor:
    """Bring one image's logits back to the original image.

    Cuts the padding off, mirrors back, resizes to the original size, puts a
    cropped part back into its place (its border continued outside) and
    multiplies values that follow the zoom.

    Args:
        task: Task name.
        logits: ``(K, H, W)`` at the size of the network's input.
        metainfo: ``padding_size`` (left, right, top, bottom), ``flip``,
            ``flip_direction``, ``zoom`` (factor by which the image was
            enlarged), ``ori_shape``, ``crop_box`` (left, top, right, bottom
            in the original image); each may be missing.
        class_resize: How the logits of classes are resized; others always
            bilinearly. The class of a nearest pixel's logits is the nearest
            pixel's class, so ``'nearest'`` is the same as to choose classes
            first and to resize their map (OpenCV's ``INTER_NEAREST``).

    Returns:
        ``(K, H0, W0)`` logits at ``ori_shape``, or at the unpadded size
        where ``ori_shape`` is missing.
    """
    spec = get_task_spec(task)
    height, width = logits.shape[-2:]
    left, right, top, bottom = metainfo.get('padding_size') or (0, 0, 0, 0)
    logits = logits[..., top : height - bottom, left : width - right]
    if metainfo.get('flip'):
        logits = unflip(logits, spec, metainfo['flip_direction'])
    full = tuple(metainfo.get('ori_shape', logits.shape[-2:])[:2])
    box = metainfo.get('crop_box') or (0, 0, full[1], full[0])
    size = (box[3] - box[1], box[2] - box[0])
    if size != tuple(logits.shape[-2:]):
        mode = class_resize if spec.decode == 'argmax' else 'bilinear'
        logits = F.interpolate(logits[None], size, mode=mode)[0]
    if size != full:
        outside = (box[0], full[1] - box[2], box[1], full[0] - box[3])
        logits = F.pad(logits[None], outside, mode='replicate')[0]
    zoom = metainfo.get('zoom') or 1.0
    return logits * zoom if spec.follows_zoom and zoom != 1.0 else logits


def unflip(logits: Tensor, spec: TaskSpec, direction: str) -> Tensor:
    """Mirror a map back, together with the vectors in it.

    Args:
        logits: ``(K, H, W)``.
        spec: The task's row.
        direction: ``'horizontal'`` or ``'vertical'``.

    Returns:
        ``(K, H, W)``; where ``flips_x_sign``, the component along the
        mirrored axis has changed its sign.

    Raises:
        ValueError: If the direction is neither.
    """
    if direction not in ('horizontal', 'vertical'):
        raise ValueError(
            f"flip_direction={direction!r}: give 'horizontal' or 'vertical'"
        )
    axis, component = (-1, 0) if direction == 'horizontal' else (-2, 1)
    logits = logits.flip(axis)
    if spec.flips_x_sign:
        logits[component] = -logits[component]  # flip returned a copy
    return logits
