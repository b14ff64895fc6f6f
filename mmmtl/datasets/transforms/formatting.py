"""Packs a sample into tensors: the last transform of every pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from torch import Tensor

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


@TRANSFORMS.register_module()
class PackMultiTaskInputs(BaseTransform):
    """Pack image, labels and what was done to them.

    Returns ``inputs``, ``(3, H, W)`` uint8 in the channel order of the
    loader, and ``data_samples``, a
    :class:`~mmmtl.structures.MultiTaskDataSample` with the loaded labels and,
    as metainfo, those of ``meta_keys`` that the sample has.
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
        return dict(inputs=pack_image(results['img']), data_samples=sample)


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
