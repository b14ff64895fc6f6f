"""Packs a sample into tensors: the last transform of every pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from torch import Tensor

from mmmtl.datasets.transforms.labels import frame_of
from mmmtl.registry import TRANSFORMS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import Kind, get_task

META_KEYS = (
    'sample_id',
    'img_path',
    'label_paths',
    'ori_shape',
    'img_shape',
    'zoom',
    'flip',
    'flip_direction',
    'padding_size',
    'crop_box',
)

LabelFrame = Literal['image', 'original']


@TRANSFORMS.register_module()
class PackMultiTaskInputs(BaseTransform):
    """Pack image, labels and what was done to them.

    Returns ``inputs``, ``(3, H, W)`` uint8 in the channel order of the
    loader, and ``data_samples``, a
    :class:`~mmmtl.structures.MultiTaskDataSample` with the loaded labels and,
    as metainfo, those of ``meta_keys`` that the sample has. ``label_frames``
    says what the labels fit (:func:`label_frames`).
    """

    def __init__(self, *, meta_keys: Sequence[str] = META_KEYS) -> None:
        """Store the settings.

        Args:
            meta_keys: What to keep of the sample's other entries.
        """
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack a sample."""
        sample = MultiTaskDataSample()
        for task, label in results.get('labels', {}).items():
            sample.set_gt(task, pack_label(label, get_task(task).kind))
        sample.set_metainfo(
            {key: results[key] for key in self.meta_keys if key in results}
        )
        if 'labels' in results:
            sample.set_metainfo({'label_frames': label_frames(results)})
        return dict(inputs=pack_image(results['img']), data_samples=sample)


def label_frames(results: dict) -> tuple[LabelFrame, ...]:
    """Return what the labels of a sample fit, pixel by pixel.

    Args:
        results: The sample.

    Returns:
        ``'image'``, the network's input, if they were loaded before
        anything was done to it: training needs this. ``'original'``, the
        image file, if nothing was done since: testing needs this.

    Raises:
        ValueError: If they fit neither.
    """
    shape = results['img'].shape[:2]
    full = tuple(results.get('ori_shape', shape)[:2])
    sizes = {label.shape[:2] for label in results['labels'].values()}
    now, whole = frame_of(shape, results), frame_of(full, {})
    over = results.get('labels_over')
    fits: dict[LabelFrame, bool] = {
        'image': sizes <= {shape} and over in (None, whole),
        'original': sizes <= {full} and over in (None, now),
    }
    frames = tuple(name for name, fit in fits.items() if fit)
    if not frames:
        raise ValueError(
            f'labels of (height, width) {sorted(sizes)} fit neither the '
            f'image, {shape}, nor its file, {full}: load the labels before '
            'all transforms that move or resize the image (for training) or '
            'after them (for testing), and use only those of mmmtl between '
            'LoadMultiTaskAnnotations and PackMultiTaskInputs'
        )
    return frames


def pack_image(image: np.ndarray) -> Tensor:
    """Turn an image into a tensor.

    Args:
        image: ``(H, W, 3)`` or grey ``(H, W)``, uint8, or floating point in
            0 to 255, which is rounded.

    Returns:
        ``(3, H, W)`` or ``(1, H, W)`` uint8.
    """
    if image.ndim == 2:
        image = image[..., None]
    if image.dtype != np.uint8:
        image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def pack_label(label: np.ndarray, kind: Kind) -> Tensor:
    """Turn a label into a tensor of its task's type.

    Args:
        label: ``(H, W)`` or ``(H, W, C)``.
        kind: The task's kind.

    Returns:
        ``(C, H, W)``.
    """
    label = label[None] if label.ndim == 2 else label.transpose(2, 0, 1)
    # PyTorch knows no negative strides; the copy undoes them.
    return torch.from_numpy(np.ascontiguousarray(label)).to(kind.dtype)
