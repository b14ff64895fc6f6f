"""Where a network looks: attention as heat over the picture."""

from __future__ import annotations

import cv2
import numpy as np

# Of the grey picture; more would be taken for attention.
_GREY_SHARE = 0.35


def paint_attention(
    image: np.ndarray, weights: np.ndarray, highest: float | None = None
) -> np.ndarray:
    """Lay attention over a picture that has lost its colours.

    Convention:
        No attention leaves the grey picture, darkened; more of it is violet,
        then red, then yellow. Half the highest weight is half the way. The
        grey picture has the same share everywhere, so attention that is
        equal everywhere does not hide it.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        weights: ``(H, W)``, none below 0.
        highest: The weight that is painted brightest; the largest of the map
            if None. Give the same one to maps that are to be compared.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        ValueError: If the map is not of the size of the picture, or a weight
            is negative or not finite.
    """
    if weights.shape != image.shape[:2]:
        raise ValueError(
            f'weights {weights.shape} do not fit the picture '
            f'{image.shape[:2]}: resize them first'
        )
    # One comparison that a NaN fails as well.
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(
            'attention must be finite and not negative, found '
            f'{weights.min()} to {weights.max()}'
        )
    highest = float(weights.max()) if highest is None else highest
    share = np.clip(weights / max(highest, 1e-30), 0, 1)
    steps = np.floor(share * 255 + 0.5).astype(np.uint8)
    heat = cv2.applyColorMap(steps, cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    shown = _GREY_SHARE * grey[..., None] + (1 - _GREY_SHARE) * heat
    return np.floor(shown + 0.5).astype(np.uint8)
