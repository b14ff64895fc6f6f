"""Pads an image and its labels to a size, the picture in the middle."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    MEAN_COLOUR,
    change_labels,
    refuse_padded,
)
from mmmtl.registry import TRANSFORMS

Padding = tuple[int, int, int, int]


@TRANSFORMS.register_module()
class MultiTaskCenteredPad(BaseTransform):
    """Pad a smaller image and its labels, the picture in the middle.

    Labels are padded with their ignore value. The image is padded with a
    colour that the preprocessor normalises to about 0 and then sets to
    exactly 0; ``padding_size`` = (left, right, top, bottom) tells it where.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] | None = None,
        fill: Sequence[int] = MEAN_COLOUR,
    ) -> None:
        """Store the settings.

        Args:
            size: Height and width to reach, in pixels; a longer side stays
                as it is. None is the ``crop_size`` of the
                ``MultiTaskRandomCrop`` before, so that a training pipeline
                names its size once.
            fill: BGR colour of the padding.
        """
        self.size = None if size is None else tuple(size)
        self.fill = tuple(fill)

    def transform(self, results: dict) -> dict:
        """Pad a sample."""
        refuse_padded(results, type(self).__name__)
        size = self.size or results['crop_size']
        padding = centred_padding(results['img'].shape, size)
        results['padding_size'] = padding
        if not any(padding):
            return results
        results['img'] = pad_array(results['img'], padding, self.fill)
        results['img_shape'] = results['img'].shape[:2]
        change_labels(
            results,
            lambda x, kind: pad_array(x, padding, (kind.no_label,) * 4),
        )
        return results


def centred_padding(shape: tuple[int, ...], size: tuple[int, int]) -> Padding:
    """Return how much to add on each side.

    Args:
        shape: Height and width first.
        size: Height and width to reach; a longer side stays as it is.

    Returns:
        Left, right, top, bottom; of an odd difference the larger half is at
        the right and at the bottom.
    """
    down, across = (
        max(want - n, 0) for want, n in zip(size, shape[:2], strict=True)
    )
    top, left = down // 2, across // 2
    return left, across - left, top, down - top


def pad_array(
    array: np.ndarray, padding: Padding, fill: Sequence[float]
) -> np.ndarray:
    """Pad the first two axes with a constant.

    Args:
        array: ``(H, W)`` or ``(H, W, C)``.
        padding: Left, right, top, bottom.
        fill: One value per channel.

    Returns:
        The padded array.
    """
    left, right, top, bottom = padding
    return cv2.copyMakeBorder(
        np.ascontiguousarray(array),
        top,
        bottom,
        left,
        right,
        cv2.BORDER_CONSTANT,
        value=tuple(fill),
    )
