"""Enlarges or shrinks an image with its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    change_labels,
    refuse_padded,
)
from mmmtl.registry import TRANSFORMS
from mmmtl.tasks import Kind


@TRANSFORMS.register_module()
class MultiTaskRandomScale(BaseTransform):
    """Scale by a factor drawn from a range, or from a list.

    Convention:
        ``zoom`` in the results is the factor by which the image was enlarged
        and the depth divided. Draws come from numpy's global generator,
        which mmengine seeds in every loader process.
    """

    def __init__(
        self,
        *,
        ratio_range: tuple[float, float] | None = None,
        scales: Sequence[float] | None = None,
    ) -> None:
        """Store the factors.

        Args:
            ratio_range: Smallest and largest factor; the drawn one is
                uniform between them.
            scales: Instead of a range, a list to draw the factor from.
        """
        if (ratio_range is None) == (scales is None):
            raise ValueError(
                f'MultiTaskRandomScale: ratio_range={ratio_range} and '
                f'scales={scales}, give one of them'
            )
        factors = ratio_range or scales or ()
        if min(factors) <= 0:  # depth would be negative
            raise ValueError(
                f'MultiTaskRandomScale: {factors}, give factors above 0'
            )
        self.ratio_range: Any = ratio_range  # where the list is None
        self.scales = scales

    def draw(self) -> float:
        """Return a factor."""
        if self.scales is not None:
            return float(np.random.choice(self.scales))
        return float(np.random.uniform(*self.ratio_range))

    def apply(self, results: dict, scale: float) -> dict:
        """Scale a sample by a factor.

        Args:
            results: The sample.
            scale: The factor.
        """
        refuse_padded(results, type(self).__name__)
        results['zoom'] = results.get('zoom', 1.0) * scale
        if scale == 1.0:
            return results
        results['img'] = scale_image(results['img'], scale)
        results['img_shape'] = results['img'].shape[:2]
        change_labels(results, lambda x, kind: scale_label(x, kind, scale))
        return results

    def transform(self, results: dict) -> dict:
        """Scale a sample by a drawn factor."""
        return self.apply(results, self.draw())


def scale_image(image: np.ndarray, scale: float) -> np.ndarray:
    """Resize an image bilinearly, in float32: the values are not rounded.

    Args:
        image: ``(H, W, 3)`` grey levels.
        scale: Factor of both sides.

    Returns:
        ``(int(H scale), int(W scale), 3)`` float32.
    """
    height, width = scaled_size(image.shape, scale)
    return cv2.resize(
        image.astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_LINEAR,
    )


def scale_label(label: np.ndarray, kind: Kind, scale: float) -> np.ndarray:
    """Resize a label to the nearest pixel.

    Convention:
        Depth is divided by the factor: an object drawn twice as large is
        half as far. Normals stay as they are.

    Args:
        label: ``(H, W)`` or ``(H, W, C)``.
        kind: The task's kind.
        scale: Factor of both sides.

    Returns:
        The label at ``(int(H scale), int(W scale))``.
    """
    height, width = scaled_size(label.shape, scale)
    # Means of class ids or of unit vectors are none, so nearest.
    label = cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST)
    return kind.zoom(label, scale)


def scaled_size(shape: Sequence[int], scale: float) -> tuple[int, int]:
    """Return height and width after scaling, rounded down as published."""
    height, width = shape[:2]
    return max(int(height * scale), 1), max(int(width * scale), 1)


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
        """Store the size.

        Args:
            size: Height and width in pixels.
        """
        self.size = tuple(size)

    def transform(self, results: dict) -> dict:
        """Resize a sample."""
        refuse_padded(results, type(self).__name__)
        if results['img'].shape[:2] != self.size:
            results['img'] = resize_image(results['img'], self.size)
            change_labels(results, lambda x, _: resize_label(x, self.size))
        results['img_shape'] = self.size
        return results


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
