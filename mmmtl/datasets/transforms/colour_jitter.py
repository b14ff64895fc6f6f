"""Changes the colours of an image as MulT does; labels stay.

Source: the released code of "MulT: An End-to-End Multitask Learning
Transformer", Bhattacharjee et al., CVPR 2022: IVRL/MulT at d71bcbe,
``mmseg/datasets/transform_list.py``.

Faithful:
    * With probability 0.5 grey levels of 0 to 1 are raised to a power of 0.8
      to 1.2, then multiplied with a brightness of 0.75 to 1.25 and with a
      factor of 0.8 to 1.2 per channel.
    * With probability 0.5, drawn apart from the former, the channels are
      exchanged in one of four ways, equally likely: all but the order as it
      is and, a quirk kept, the reversed one.
    * In the end values are cut off at white.

Departs:
    * Draws come from numpy's global generator.
    * The picture is rounded to 256 levels again when it is packed.
"""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import check_probability
from mmmtl.registry import TRANSFORMS

Range = tuple[float, float]
Order = tuple[int, int, int]

#: Which old channel stands where. The same set in RGB and in BGR.
CHANNEL_ORDERS: tuple[Order, ...] = (
    (0, 2, 1),
    (1, 0, 2),
    (1, 2, 0),
    (2, 0, 1),
)


def change_colours(
    image: np.ndarray, gamma: float, factors: tuple[float, float, float]
) -> np.ndarray:
    """Raise to a power, then multiply each channel with a factor.

    Args:
        image: ``(H, W, 3)`` grey levels, 0 to 255.
        gamma: The power, of levels as shares of 255.
        factors: One per channel.

    Returns:
        ``(H, W, 3)`` float32 in 0 to 255, not rounded.
    """
    share = (image.astype(np.float32) / 255) ** np.float32(gamma)
    scaled = share * 255 * np.asarray(factors, np.float32)
    return scaled.clip(0, 255)


@TRANSFORMS.register_module()
class MultiTaskColourJitter(BaseTransform):
    """Draw a gamma, a brightness, and a factor per channel."""

    def __init__(
        self,
        *,
        gamma_range: Range = (0.8, 1.2),
        brightness_range: Range = (0.75, 1.25),
        channel_range: Range = (0.8, 1.2),
        prob: float = 0.5,
    ) -> None:
        """Check and store the ranges.

        Args:
            gamma_range: Smallest and largest power.
            brightness_range: Smallest and largest factor of the picture.
            channel_range: Smallest and largest factor of a channel.
            prob: Probability of changing anything.

        Raises:
            ValueError: If a range is not one, or the probability is outside
                of 0 to 1.
        """
        for name, pair in (
            ('gamma_range', gamma_range),
            ('brightness_range', brightness_range),
            ('channel_range', channel_range),
        ):
            if len(pair) != 2 or not 0 <= pair[0] <= pair[1]:
                raise ValueError(
                    f'MultiTaskColourJitter: {name}={pair}, give (smallest, '
                    'largest) with 0 <= smallest'
                )
        self.gamma_range = tuple(gamma_range)
        self.brightness_range = tuple(brightness_range)
        self.channel_range = tuple(channel_range)
        self.prob = check_probability(type(self).__name__, prob)

    def draw(self) -> tuple[float, tuple[float, float, float]] | None:
        """Return gamma and a factor per channel, or None for no change."""
        if np.random.rand() >= self.prob:
            return None
        gamma = float(np.random.uniform(*self.gamma_range))
        brightness = np.random.uniform(*self.brightness_range)
        channels = np.random.uniform(*self.channel_range, size=3)
        return gamma, tuple(float(brightness * c) for c in channels)

    def apply(
        self,
        results: dict,
        drawn: tuple[float, tuple[float, float, float]] | None,
    ) -> dict:
        """Change the colours of a sample.

        Args:
            results: The sample.
            drawn: Gamma and a factor per channel; None does nothing.
        """
        if drawn is not None:
            results['img'] = change_colours(results['img'], *drawn)
        return results

    def transform(self, results: dict) -> dict:
        """Change the colours of a sample as drawn.

        Args:
            results: The sample.
        """
        return self.apply(results, self.draw())


@TRANSFORMS.register_module()
class MultiTaskChannelPermutation(BaseTransform):
    """Exchange the channels of an image in one of four ways."""

    def __init__(self, *, prob: float = 0.5) -> None:
        """Check and store the probability.

        Args:
            prob: Probability of changing anything.

        Raises:
            ValueError: If it is outside of 0 to 1.
        """
        self.prob = check_probability(type(self).__name__, prob)

    def draw(self) -> Order | None:
        """Return which old channel stands where, or None for no change."""
        if np.random.rand() >= self.prob:
            return None
        return CHANNEL_ORDERS[np.random.randint(len(CHANNEL_ORDERS))]

    def apply(self, results: dict, order: Order | None) -> dict:
        """Exchange the channels of a sample.

        Args:
            results: The sample.
            order: Which old channel stands where; None does nothing.
        """
        if order is not None:
            results['img'] = results['img'][..., list(order)]
        return results

    def transform(self, results: dict) -> dict:
        """Exchange the channels of a sample as drawn.

        Args:
            results: The sample.
        """
        return self.apply(results, self.draw())
