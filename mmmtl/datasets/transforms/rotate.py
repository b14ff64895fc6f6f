"""Turns an image about its centre, or turns and enlarges it, with its labels.

``MultiTaskRandomScaleRotate`` is ``ScaleNRotate`` of the MTI-Net family, as
the recipe of SCA-MTL uses it (kimsunkyung/SCA_MTL at 8214866).

Faithful: one affine warp to the same size; the scale from a list or a range,
the angle from a range; cubic interpolation of the image, nearest for labels;
depth divided by the scale.

Departs:
    - Outside of the old picture a label has its ignore value. The released
      code writes 0 there, which is a class, "no edge" or "not salient".
    - Normals are taken from the nearest pixel. The cubic mean of a normal and
      of "no normal" would pass for a normal after normalisation.
    - The centre is that of the pixels' grid, ((W - 1) / 2, (H - 1) / 2), not
      half a pixel beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    MEAN_COLOUR,
    change_labels,
    check_probability,
    refuse_padded,
)
from mmmtl.datasets.transforms.scale import MultiTaskRandomScale
from mmmtl.registry import TRANSFORMS
from mmmtl.tasks import Kind


@TRANSFORMS.register_module()
class MultiTaskRandomRotate(BaseTransform):
    """Turn about the centre by a drawn angle; the size stays.

    Draws come from numpy's global generator.
    """

    def __init__(
        self,
        *,
        degrees: float | tuple[float, float],
        prob: float = 0.5,
        fill: Sequence[int] = MEAN_COLOUR,
    ) -> None:
        """Store the settings.

        Args:
            degrees: Smallest and largest angle, counter-clockwise; one
                number is the largest angle in both directions.
            prob: Probability of turning at all.
            fill: BGR colour outside of the old picture.
        """
        self.degrees = (
            tuple(degrees)
            if isinstance(degrees, Sequence)
            else (-degrees, degrees)
        )
        self.prob = check_probability(type(self).__name__, prob)
        self.fill = tuple(fill)

    def draw(self) -> float | None:
        """Return an angle, or None to leave the sample as it is."""
        if np.random.rand() >= self.prob:
            return None
        return float(np.random.uniform(*self.degrees))

    def apply(self, results: dict, degrees: float | None) -> dict:
        """Turn a sample.

        Args:
            results: The sample.
            degrees: Counter-clockwise angle; None does nothing.
        """
        refuse_padded(results, type(self).__name__)
        if degrees is None:
            return results
        results['img'] = rotate_image(results['img'], degrees, self.fill)
        change_labels(results, lambda x, kind: rotate_label(x, kind, degrees))
        return results

    def transform(self, results: dict) -> dict:
        """Turn a sample by a drawn angle."""
        return self.apply(results, self.draw())


@TRANSFORMS.register_module()
class MultiTaskRandomScaleRotate(BaseTransform):
    """Enlarge and turn about the centre, both as drawn; the size stays.

    Convention:
        For training: a prediction is not turned back. ``zoom`` in the
        results counts the scale, as depth was divided by it. Draws come from
        numpy's global generator.
    """

    def __init__(
        self,
        *,
        ratio_range: tuple[float, float] | None = None,
        scales: Sequence[float] | None = None,
        degrees: float | tuple[float, float] = 0.0,
        fill: Sequence[int] = MEAN_COLOUR,
    ) -> None:
        """Store the settings.

        Args:
            ratio_range: Smallest and largest scale; the drawn one is uniform
                between them.
            scales: Instead of a range, a list to draw the scale from.
            degrees: Smallest and largest angle, counter-clockwise; one
                number is the largest angle in both directions.
            fill: BGR colour outside of the old picture.
        """
        self._scale = MultiTaskRandomScale(
            ratio_range=ratio_range, scales=scales
        )
        self._rotate = MultiTaskRandomRotate(degrees=degrees, prob=1.0)
        self.fill = tuple(fill)

    def draw(self) -> tuple[float, float]:
        """Return a scale and an angle in degrees."""
        return self._scale.draw(), self._rotate.draw() or 0.0

    def apply(self, results: dict, scale: float, degrees: float) -> dict:
        """Enlarge and turn a sample.

        Args:
            results: The sample.
            scale: Factor about the centre.
            degrees: Counter-clockwise angle.
        """
        refuse_padded(results, type(self).__name__)
        results['zoom'] = results.get('zoom', 1.0) * scale
        if scale == 1.0 and degrees == 0.0:
            return results
        results['img'] = rotate_image(
            results['img'], degrees, self.fill, scale, cv2.INTER_CUBIC
        )
        change_labels(
            results, lambda x, kind: rotate_label(x, kind, degrees, scale)
        )
        return results

    def transform(self, results: dict) -> dict:
        """Enlarge and turn a sample as drawn."""
        return self.apply(results, *self.draw())


def rotate_image(
    image: np.ndarray,
    degrees: float,
    fill: Sequence[int] = MEAN_COLOUR,
    scale: float = 1.0,
    interpolation: int = cv2.INTER_LINEAR,
) -> np.ndarray:
    """Turn and enlarge an image; its size stays.

    Args:
        image: ``(H, W, 3)``.
        degrees: Counter-clockwise angle.
        fill: BGR colour outside of the old picture.
        scale: Factor about the centre.
        interpolation: OpenCV's code.

    Returns:
        ``(H, W, 3)`` of the same type.
    """
    matrix = rotation_matrix(image.shape, degrees, scale)
    return _warp(image, matrix, interpolation, tuple(fill))


def rotate_label(
    label: np.ndarray, kind: Kind, degrees: float, scale: float = 1.0
) -> np.ndarray:
    """Turn and enlarge a label, to the nearest pixel.

    Convention:
        Turning the picture is turning the camera about its optical axis:
        depth and z of the normals stay, and x, y of the normals (x right,
        y down) turn with the picture's points. Depth is divided by the
        factor: an object drawn twice as large is half as far. What comes
        from outside of the old picture has no label.

    Args:
        label: ``(H, W)`` or ``(H, W, C)``.
        kind: The task's kind.
        degrees: Counter-clockwise angle.
        scale: Factor about the centre.

    Returns:
        The label, of the same shape and type.
    """
    matrix = rotation_matrix(label.shape, degrees, scale)
    fill = (kind.no_label,) * 4
    label = _warp(label, matrix, cv2.INTER_NEAREST, fill)
    return kind.zoom(kind.turn(label, degrees, axis=-1), scale)


def rotation_matrix(
    shape: tuple[int, ...], degrees: float, scale: float = 1.0
) -> np.ndarray:
    """Return the matrix that turns and enlarges an image about its centre.

    Convention:
        Positive angles turn the picture counter-clockwise, as its viewer
        sees it. The matrix maps a place (x right, y down) of the old picture
        to its place in the new one.

    Args:
        shape: Height and width first.
        degrees: The angle.
        scale: Factor of distances from the centre.

    Returns:
        ``(2, 3)``.
    """
    centre = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    return cv2.getRotationMatrix2D(centre, degrees, scale)


def _warp(
    array: np.ndarray,
    matrix: np.ndarray,
    interpolation: int,
    fill: tuple[float, ...],
) -> np.ndarray:
    return cv2.warpAffine(
        array,
        matrix,
        (array.shape[1], array.shape[0]),
        flags=interpolation,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
