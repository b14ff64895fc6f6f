"""Changes the colours of an image; labels stay."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.registry import TRANSFORMS

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
        """Check and store the ranges.

        Args:
            brightness_delta: Largest change in grey levels, up or down.
            contrast_range: Smallest and largest factor.
            saturation_range: Smallest and largest factor.
            hue_delta: Largest turn of the hue in steps of 2 degrees, back;
                one step less forth.

        Raises:
            ValueError: If a range is not one.
        """
        for name, (low, high) in (
            ('contrast_range', contrast_range),
            ('saturation_range', saturation_range),
        ):
            if not 0 <= low <= high:
                raise ValueError(
                    f'{name}={(low, high)}: give 0 <= low <= high'
                )
        if brightness_delta < 0 or not 0 < hue_delta <= 90:
            raise ValueError(
                f'brightness_delta={brightness_delta}, hue_delta={hue_delta}:'
                ' give 0 or more, and 1 to 90'
            )
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
        """Change the colours of a sample as drawn.

        Args:
            results: The sample.
        """
        return self.apply(results, self.draw())

    @staticmethod
    def _coin() -> bool:
        return bool(np.random.randint(2))
