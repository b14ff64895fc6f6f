"""Changes the colours of an image; labels stay.

``MultiTaskPhotoMetricDistortion`` is the one of the MTI-Net family.
``MultiTaskColourJitter`` and ``MultiTaskChannelPermutation`` are MulT's.

Source of the latter: the released code of "MulT: An End-to-End Multitask
Learning Transformer", Bhattacharjee et al., CVPR 2022: IVRL/MulT at d71bcbe,
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

from typing import NamedTuple

import cv2
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

_LEVELS = np.arange(256)


class ColourDraw(NamedTuple):
    """What to do to the colours; None leaves that property as it is.

    Attributes:
        brightness: Grey levels to add.
        contrast: Factor of all channels.
        contrast_first: Contrast before the colour changes, else after them.
        saturation: Factor of the saturation.
        hue: Steps of 2 degrees to turn the hue by.
    """

    brightness: float | None = None
    contrast: float | None = None
    contrast_first: bool = False
    saturation: float | None = None
    hue: int | None = None


@TRANSFORMS.register_module()
class MultiTaskPhotoMetricDistortion(BaseTransform):
    """Draw brightness, contrast, saturation and hue, each half of the time.

    The image is uint8 afterwards, its fractions cut off. Draws come from
    numpy's global generator.
    """

    def __init__(
        self,
        *,
        brightness_delta: int = 32,
        contrast_range: tuple[float, float] = (0.5, 1.5),
        saturation_range: tuple[float, float] = (0.5, 1.5),
        hue_delta: int = 18,
    ) -> None:
        """Store the ranges.

        Args:
            brightness_delta: Largest change in grey levels, up or down.
            contrast_range: Smallest and largest factor.
            saturation_range: Smallest and largest factor.
            hue_delta: Largest turn of the hue in steps of 2 degrees, 1 to 90;
                forwards one step less.
        """
        self.brightness_delta = brightness_delta
        self.contrast_range = tuple(contrast_range)
        self.saturation_range = tuple(saturation_range)
        self.hue_delta = hue_delta

    def draw(self) -> ColourDraw:
        """Return what to do to the colours."""
        uniform, coin = np.random.uniform, self._coin
        delta, hue = self.brightness_delta, self.hue_delta
        return ColourDraw(
            brightness=uniform(-delta, delta) if coin() else None,
            contrast_first=coin(),
            contrast=uniform(*self.contrast_range) if coin() else None,
            saturation=uniform(*self.saturation_range) if coin() else None,
            hue=int(np.random.randint(-hue, hue)) if coin() else None,
        )

    def apply(self, results: dict, draw: ColourDraw) -> dict:
        """Change the colours of a sample.

        Args:
            results: The sample.
            draw: What to do.
        """
        results['img'] = distort_colours(results['img'], draw)
        return results

    def transform(self, results: dict) -> dict:
        """Change the colours of a sample as drawn."""
        return self.apply(results, self.draw())

    @staticmethod
    def _coin() -> bool:
        return bool(np.random.randint(2))


def distort_colours(image: np.ndarray, draw: ColourDraw) -> np.ndarray:
    """Change brightness, contrast, saturation and hue, in this order.

    Convention:
        Every step works on 8-bit values and cuts the fraction off, as
        published; so does the start, also where nothing is changed.

    Args:
        image: ``(H, W, 3)`` BGR, uint8, or floating point in 0 to 255.
        draw: What to do.

    Returns:
        ``(H, W, 3)`` BGR uint8.
    """
    image = np.ascontiguousarray(image, dtype=np.uint8)
    if draw.brightness is not None:
        image = cv2.LUT(image, _linear_table(1.0, draw.brightness))
    if draw.contrast is not None and draw.contrast_first:
        image = cv2.LUT(image, _linear_table(draw.contrast, 0.0))
    if draw.saturation is not None:
        table = _linear_table(draw.saturation, 0.0)
        image = _change_hsv(image, 1, table)
    if draw.hue is not None:
        # OpenCV's 8-bit hue counts 0 to 179.
        table = ((_LEVELS + draw.hue) % 180).astype(np.uint8)
        image = _change_hsv(image, 0, table)
    if draw.contrast is not None and not draw.contrast_first:
        image = cv2.LUT(image, _linear_table(draw.contrast, 0.0))
    return image


def _linear_table(factor: float, offset: float) -> np.ndarray:
    """Return factor * level + offset of every level, cut off and clipped."""
    # float32 like the published arithmetic: the cut-off shows the difference.
    values = _LEVELS.astype(np.float32) * np.float32(factor)
    return np.clip(values + np.float32(offset), 0, 255).astype(np.uint8)


def _change_hsv(
    image: np.ndarray, channel: int, table: np.ndarray
) -> np.ndarray:
    # Back and forth for each change, although two could share one trip: the
    # rounding of the 8-bit conversion is a part of the published numbers.
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    tables = np.repeat(_LEVELS.astype(np.uint8)[:, None], 3, axis=1)
    tables[:, channel] = table
    hsv = cv2.LUT(hsv, tables[None])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)


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
        """Store the ranges.

        Args:
            gamma_range: Smallest and largest power.
            brightness_range: Smallest and largest factor of the picture.
            channel_range: Smallest and largest factor of a channel.
            prob: Probability of changing anything.
        """
        self.gamma_range = tuple(gamma_range)
        self.brightness_range = tuple(brightness_range)
        self.channel_range = tuple(channel_range)
        self.prob = check_probability(type(self).__name__, prob)

    def draw(self) -> tuple[float, tuple[float, ...]] | None:
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
        drawn: tuple[float, tuple[float, ...]] | None,
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
        """Change the colours of a sample as drawn."""
        return self.apply(results, self.draw())


def change_colours(
    image: np.ndarray, gamma: float, factors: tuple[float, ...]
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
class MultiTaskChannelPermutation(BaseTransform):
    """Exchange the channels of an image in one of four ways."""

    def __init__(self, *, prob: float = 0.5) -> None:
        """Store the probability.

        Args:
            prob: Probability of changing anything.
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
        """Exchange the channels of a sample as drawn."""
        return self.apply(results, self.draw())
