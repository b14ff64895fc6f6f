"""Mirrors an image with its labels."""

from __future__ import annotations

from typing import get_args

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import change_labels, check_probability
from mmmtl.registry import TRANSFORMS
from mmmtl.tasks import Kind
from mmmtl.tasks.kinds.base import Direction

_DIRECTIONS = get_args(Direction)


@TRANSFORMS.register_module()
class MultiTaskRandomFlip(BaseTransform):
    """Mirror a sample with a probability.

    ``flip`` and ``flip_direction`` in the results say how the image is
    mirrored now; ``padding_size`` is mirrored with it. Draws come from
    numpy's global generator.
    """

    def __init__(
        self, *, prob: float = 0.5, direction: Direction = 'horizontal'
    ) -> None:
        """Store the settings.

        Args:
            prob: Probability of mirroring.
            direction: Left-right or up-down.
        """
        self.prob = check_probability(type(self).__name__, prob)
        if direction not in _DIRECTIONS:
            raise ValueError(
                f'MultiTaskRandomFlip: direction={direction!r}, give '
                f'{" or ".join(map(repr, _DIRECTIONS))}'
            )
        self.direction = direction

    def draw(self) -> bool:
        """Return whether to mirror."""
        return bool(np.random.rand() < self.prob)

    def apply(self, results: dict, flip: bool) -> dict:
        """Mirror a sample.

        Args:
            results: The sample.
            flip: False leaves it as it is.
        """
        before = bool(results.get('flip', False))
        results.setdefault('flip', False)
        results.setdefault('flip_direction', None)
        if not flip:
            return results
        # Predictions are mirrored back in one direction only.
        if before and results['flip_direction'] != self.direction:
            raise ValueError(
                'MultiTaskRandomFlip: the pipeline mirrors in two '
                'directions, keep one'
            )
        results['img'] = flip_image(results['img'], self.direction)
        change_labels(
            results, lambda x, kind: flip_label(x, kind, self.direction)
        )
        results['flip'] = not before
        results['flip_direction'] = None if before else self.direction
        if 'padding_size' in results:
            results['padding_size'] = self._flip_padding(
                *results['padding_size']
            )
        return results

    def transform(self, results: dict) -> dict:
        """Mirror a sample or leave it, as drawn."""
        return self.apply(results, self.draw())

    def _flip_padding(
        self, left: int, right: int, top: int, bottom: int
    ) -> tuple[int, int, int, int]:
        if self.direction == 'horizontal':
            return right, left, top, bottom
        return left, right, bottom, top


def flip_image(image: np.ndarray, direction: Direction) -> np.ndarray:
    """Mirror a picture.

    Args:
        image: ``(H, W, ...)``.
        direction: Left-right or up-down.

    Returns:
        A view of it.
    """
    return image[:, ::-1] if direction == 'horizontal' else image[::-1]


def flip_label(
    label: np.ndarray, kind: Kind, direction: Direction
) -> np.ndarray:
    """Mirror a label.

    Convention:
        The component of a normal along the mirrored axis changes its sign.

    Args:
        label: ``(H, W)`` or ``(H, W, C)``.
        kind: The task's kind.
        direction: Left-right or up-down.

    Returns:
        The mirrored label; a view where the values stay.
    """
    return kind.flip(flip_image(label, direction), direction, axis=-1)
