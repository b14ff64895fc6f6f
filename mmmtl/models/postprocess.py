"""From network outputs to predictions of the original image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.errors import NonFiniteError
from mmmtl.structures import MultiTaskDataSample, sample_names
from mmmtl.tasks import get_task

ClassResize = Literal['bilinear', 'nearest']


def check_finite(
    logits: Mapping[str, Tensor], samples: Sequence[MultiTaskDataSample]
) -> None:
    """Refuse logits of which a prediction would only look like one.

    The argmax of NaN is a valid class, the sigmoid of infinity a certain
    edge. One pass over the logits, and one wait for the device.

    Args:
        logits: ``{task: (B, K, H, W)}``.
        samples: The batch, for the names.

    Raises:
        NonFiniteError: Names the tasks and the samples.
    """
    # Faster than isfinite() by far; half precision would overflow early.
    norms = [
        torch.linalg.vector_norm(maps.flatten(1).float(), dim=1)
        for maps in logits.values()
    ]
    finite = torch.stack(norms).isfinite()  # (T, B)
    if finite.all():
        return
    tasks = [
        task for task, row in zip(logits, finite, strict=True) if not row.all()
    ]
    names = sample_names(samples)
    bad = [
        name
        for name, good in zip(names, finite.all(0).tolist(), strict=True)
        if not good
    ]
    raise NonFiniteError(
        f'the prediction of {", ".join(tasks)} is NaN or infinite for '
        f'{", ".join(bad)}: the weights are of a run that diverged, or the '
        'precision is too low for them'
    )


def undo_augmentation(
    task: str,
    maps: Tensor,
    metainfo: Mapping[str, Any],
    *,
    class_resize: ClassResize = 'bilinear',
    then: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Bring maps back to the original image.

    Cuts the padding off, mirrors the pixels back, resizes to the original
    size and puts a cropped part back into its place (its border continued
    outside). Then the kind of the task undoes what mirror and zoom did to
    the values: signs of vectors, metres.

    Args:
        task: Task name.
        maps: ``(..., K, H, W)`` at the size of the network's input: logits,
            or values where ``then`` is None; of several images only where
            the same was done to all of them.
        metainfo: ``padding_size`` (left, right, top, bottom), ``flip``,
            ``flip_direction``, ``zoom`` (factor by which the image was
            enlarged), ``ori_shape``, ``crop_box`` (left, top, right, bottom
            in the original image); each may be missing.
        class_resize: How the logits of ids are resized; others always
            bilinearly. The class of a nearest pixel's logits is the nearest
            pixel's class, so ``'nearest'`` is the same as to choose classes
            first and to resize their map (OpenCV's ``INTER_NEAREST``).
        then: Makes values of logits: ``activate`` or ``decode`` of the
            task's kind. Logits of a kind from outside may be anything, such
            as bins of an angle: a mirror is undone in values only.

    Returns:
        ``(..., C, H0, W0)`` values at ``ori_shape``, or at the unpadded size
        where ``ori_shape`` is missing.

    Raises:
        ValueError: If the image was mirrored along both axes at once.
    """
    kind = get_task(task).kind
    ids = not kind.pred_dtype.is_floating_point
    maps = restore_pixels(maps, metainfo, class_resize if ids else 'bilinear')
    values = maps if then is None else then(maps)
    if metainfo.get('flip'):
        values = kind.flip(values, metainfo['flip_direction'], axis=-3)
    zoom = metainfo.get('zoom') or 1.0
    return values if zoom == 1.0 else kind.zoom(values, 1 / zoom)


def restore_pixels(
    maps: Tensor,
    metainfo: Mapping[str, Any],
    resize: ClassResize = 'bilinear',
) -> Tensor:
    """Bring pixels back to the original image; their values stay.

    Args:
        maps: ``(..., K, H, W)`` at the size of the network's input.
        metainfo: As in :func:`undo_augmentation`; ``zoom`` is not read.
        resize: How.

    Returns:
        ``(..., K, H0, W0)``.

    Raises:
        ValueError: If the image was mirrored along both axes at once.
    """
    height, width = maps.shape[-2:]
    left, right, top, bottom = metainfo.get('padding_size') or (0, 0, 0, 0)
    maps = maps[..., top : height - bottom, left : width - right]
    direction = metainfo['flip_direction'] if metainfo.get('flip') else None
    if direction is not None:
        if direction not in ('horizontal', 'vertical'):
            raise ValueError(
                f"flip_direction={direction!r}: give 'horizontal' or "
                "'vertical'"
            )
        maps = maps.flip(-1 if direction == 'horizontal' else -2)
    return _to_original_size(maps, metainfo, resize)


def _to_original_size(
    maps: Tensor, metainfo: Mapping[str, Any], mode: ClassResize
) -> Tensor:
    full = tuple(metainfo.get('ori_shape', maps.shape[-2:])[:2])
    box = metainfo.get('crop_box') or (0, 0, full[1], full[0])
    size = (box[3] - box[1], box[2] - box[0])
    if size != tuple(maps.shape[-2:]):
        maps = _as_batch(F.interpolate, maps, size, mode=mode)
    if size != full:
        outside = (box[0], full[1] - box[2], box[1], full[0] - box[3])
        maps = _as_batch(F.pad, maps, outside, mode='replicate')
    return maps


def _as_batch(
    function: Callable[..., Tensor], maps: Tensor, *args: Any, mode: str
) -> Tensor:
    """Call a function of ``(B, K, H, W)`` for ``(..., K, H, W)``."""
    changed = function(maps.reshape(-1, *maps.shape[-3:]), *args, mode=mode)
    return changed.reshape(*maps.shape[:-2], *changed.shape[-2:])
