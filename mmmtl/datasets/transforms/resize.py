"""Resizes an image with its labels to one size for all."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    change_labels,
    check_size,
    refuse_padded,
)
from mmmtl.registry import TRANSFORMS


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image cubically.

    Args:
        image: ``(H, W, 3)`` grey levels.
        size: Height and width to reach.

    Returns:
        ``(*size, 3)`` of the same type; floating point may leave 0 to 255,
        which packing cuts off.
    """
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)


def resize_label(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a label to the nearest pixel.

    Convention:
        Pixels are squares whose centres are compared, as in the resizing of
        the image. OpenCV's plain "nearest" takes the pixel of the corner, up
        to half a pixel beside it.

    Args:
        label: ``(H, W)`` or ``(H, W, C)``.
        size: Height and width to reach.

    Returns:
        The label of the same type.
    """
    return cv2.resize(label, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


@TRANSFORMS.register_module()
class MultiTaskResize(BaseTransform):
    """Resize a sample to a fixed size, whatever its shape.

    Convention:
        Depth stays in metres and normals stay as they are, as published: the
        same step is made in testing, where a prediction goes back to the
        original size. Labels that are loaded after this transform keep
        theirs, which is what evaluation compares with.
    """

    def __init__(self, *, size: tuple[int, int]) -> None:
        """Check and store the size.

        Args:
            size: Height and width in pixels.

        Raises:
            ValueError: If the size is no pair of positive numbers.
        """
        self.size = check_size('size', size)

    def transform(self, results: dict) -> dict:
        """Resize a sample.

        Args:
            results: The sample.
        """
        refuse_padded(results, type(self).__name__)
        if results['img'].shape[:2] != self.size:
            results['img'] = resize_image(results['img'], self.size)
            change_labels(results, lambda x, _: resize_label(x, self.size))
        results['img_shape'] = self.size
        return results
