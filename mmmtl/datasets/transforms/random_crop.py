"""Cuts the same window out of an image and its labels."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    change_labels,
    check_size,
    refuse_padded,
)
from mmmtl.registry import TRANSFORMS
from mmmtl.structures import get_task_spec

# As published: after so many windows that one class fills, the next window
# is taken as it comes.
_TRIES = 10


def largest_share(label: np.ndarray, ignore_value: int) -> float:
    """Return the share of the most frequent class among the labelled pixels.

    Args:
        label: ``(H, W)`` uint8 class ids.
        ignore_value: The id that means "no label".

    Returns:
        0 to 1; 1 where there is at most one class.
    """
    counts = np.bincount(label.ravel(), minlength=ignore_value + 1)
    counts[ignore_value] = 0
    return counts.max() / max(counts.sum(), 1) if counts.any() else 1.0


@TRANSFORMS.register_module()
class MultiTaskRandomCrop(BaseTransform):
    """Cut a window at a drawn place; a side shorter than it stays whole.

    Where the sample has a label of ``cat_task``, windows in which one class
    covers ``cat_max_ratio`` of the labelled pixels or more are drawn again,
    up to ten times. Draws come from numpy's global generator.
    """

    def __init__(
        self,
        *,
        crop_size: tuple[int, int],
        cat_max_ratio: float = 1.0,
        cat_task: str = 'semseg',
    ) -> None:
        """Check and store the settings.

        Args:
            crop_size: Height and width of the window, in pixels.
            cat_max_ratio: Largest share of one class; 1 takes any window.
            cat_task: The task of class ids that is looked at.

        Raises:
            ValueError: If a setting is out of range.
        """
        self.crop_size = check_size('crop_size', crop_size)
        if not 0 < cat_max_ratio <= 1:
            raise ValueError(
                f'MultiTaskRandomCrop: cat_max_ratio={cat_max_ratio}, give '
                'more than 0 and at most 1'
            )
        spec = get_task_spec(cat_task)
        if spec.decode != 'argmax':
            raise ValueError(
                f'MultiTaskRandomCrop: cat_task={cat_task!r} has no classes'
            )
        self.cat_max_ratio = cat_max_ratio
        self.cat_task = cat_task
        self.ignore_value = int(spec.ignore_value)

    def draw(self, results: dict) -> tuple[int, int]:
        """Return top and left of a window.

        Args:
            results: The sample.
        """
        place = self._draw_place(results['img'].shape)
        label = results.get('labels', {}).get(self.cat_task)
        if label is None or self.cat_max_ratio == 1:
            return place
        for _ in range(_TRIES):
            window = self._cut(label, *place)
            share = largest_share(window, self.ignore_value)
            if share < self.cat_max_ratio:
                break
            place = self._draw_place(results['img'].shape)
        return place

    def apply(self, results: dict, top: int, left: int) -> dict:
        """Cut a window out of a sample.

        Args:
            results: The sample.
            top: First row of the window.
            left: First column of the window.
        """
        refuse_padded(results, type(self).__name__)
        results['img'] = self._cut(results['img'], top, left)
        results['img_shape'] = results['img'].shape[:2]
        change_labels(results, lambda x, _: self._cut(x, top, left))
        return results

    def transform(self, results: dict) -> dict:
        """Cut a drawn window out of a sample.

        Args:
            results: The sample.
        """
        return self.apply(results, *self.draw(results))

    def _draw_place(self, shape: tuple[int, ...]) -> tuple[int, int]:
        spare = [
            max(n - c, 0)
            for n, c in zip(shape[:2], self.crop_size, strict=True)
        ]
        return (
            int(np.random.randint(spare[0] + 1)),
            int(np.random.randint(spare[1] + 1)),
        )

    def _cut(self, array: np.ndarray, top: int, left: int) -> np.ndarray:
        height, width = self.crop_size
        return array[top : top + height, left : left + width]
