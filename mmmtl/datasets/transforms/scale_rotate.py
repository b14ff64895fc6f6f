"""Enlarges and turns an image about its centre in one step.

Source: ``ScaleNRotate`` of the MTI-Net family, as the recipe of SCA-MTL uses
it (kimsunkyung/SCA_MTL at 8214866).

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
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    MEAN_COLOUR,
    change_labels,
    refuse_padded,
)
from mmmtl.datasets.transforms.random_scale import MultiTaskRandomScale
from mmmtl.datasets.transforms.rotate import (
    MultiTaskRandomRotate,
    rotate_image,
    rotate_label,
)
from mmmtl.registry import TRANSFORMS


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
        """Check and store the settings.

        Args:
            ratio_range: Smallest and largest scale, drawn evenly.
            scales: Instead of a range, scales of which one is drawn.
            degrees: Smallest and largest angle, counter-clockwise; one
                number is the largest angle in both directions.
            fill: BGR colour outside of the old picture.

        Raises:
            ValueError: If not exactly one of range and list is given, or a
                setting is out of range.
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
            results, lambda x, spec: rotate_label(x, spec, degrees, scale)
        )
        return results

    def transform(self, results: dict) -> dict:
        """Enlarge and turn a sample as drawn.

        Args:
            results: The sample.
        """
        return self.apply(results, *self.draw())
