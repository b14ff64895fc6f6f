"""Multiplies the colours of an image; labels stay.

Source: the recipe of "MulT: An End-to-End Multitask Learning Transformer",
Bhattacharjee et al., CVPR 2022; released code IVRL/MulT at d71bcbe.

Faithful:
    * The two ranges: 0.75 to 1.25 for the brightness, 0.8 to 1.2 for a "mult"
      of colours.

Departs:
    * How the two act is not known. Read here as in the depth estimation code
      that the recipe resembles: one factor for the picture times one per
      channel, both on grey levels, cut off at 0 and 255.
    * Draws come from numpy's global generator.
"""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import check_probability
from mmmtl.registry import TRANSFORMS

Range = tuple[float, float]


def scale_colours(
    image: np.ndarray, factors: tuple[float, float, float]
) -> np.ndarray:
    """Multiply each channel with a factor.

    Args:
        image: ``(H, W, 3)`` grey levels.
        factors: One per channel.

    Returns:
        ``(H, W, 3)`` float32 in 0 to 255, not rounded.
    """
    scaled = image.astype(np.float32) * np.asarray(factors, np.float32)
    return scaled.clip(0, 255)


@TRANSFORMS.register_module()
class MultiTaskColourJitter(BaseTransform):
    """Multiply an image with a drawn brightness, and each channel besides."""

    def __init__(
        self,
        *,
        brightness_range: Range = (0.75, 1.25),
        channel_range: Range = (0.8, 1.2),
        prob: float = 1.0,
    ) -> None:
        """Check and store the ranges.

        Args:
            brightness_range: Smallest and largest factor of the picture.
            channel_range: Smallest and largest factor of a channel.
            prob: Probability of changing anything.

        Raises:
            ValueError: If a range is not one, or the probability is outside
                of 0 to 1.
        """
        for name, pair in (
            ('brightness_range', brightness_range),
            ('channel_range', channel_range),
        ):
            if len(pair) != 2 or not 0 <= pair[0] <= pair[1]:
                raise ValueError(
                    f'MultiTaskColourJitter: {name}={pair}, give (smallest, '
                    'largest) with 0 <= smallest'
                )
        self.brightness_range = tuple(brightness_range)
        self.channel_range = tuple(channel_range)
        self.prob = check_probability(type(self).__name__, prob)

    def draw(self) -> tuple[float, float, float] | None:
        """Return a factor per channel, or None to change nothing."""
        if np.random.rand() >= self.prob:
            return None
        brightness = np.random.uniform(*self.brightness_range)
        channels = np.random.uniform(*self.channel_range, size=3)
        return tuple(float(brightness * factor) for factor in channels)

    def apply(
        self, results: dict, factors: tuple[float, float, float] | None
    ) -> dict:
        """Change the colours of a sample.

        Args:
            results: The sample.
            factors: One per channel; None does nothing.
        """
        if factors is not None:
            results['img'] = scale_colours(results['img'], factors)
        return results

    def transform(self, results: dict) -> dict:
        """Change the colours of a sample as drawn.

        Args:
            results: The sample.
        """
        return self.apply(results, self.draw())
