"""Cuts the same window out of an image and its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    change_labels,
    refuse_padded,
)
from mmmtl.registry import TRANSFORMS
from mmmtl.tasks import Kind, get_task

Box = tuple[int, int, int, int]

# As published: after so many windows that one class fills, the next one is
# taken, whatever it shows.
_TRIES = 10


@TRANSFORMS.register_module()
class MultiTaskRandomCrop(BaseTransform):
    """Cut a window at a drawn place; a side shorter than it stays whole.

    Where the sample has a label of ``cat_task``, windows in which one class
    covers ``cat_max_ratio`` of the labelled pixels or more are drawn again,
    up to ten times. Draws come from numpy's global generator. The results
    hold ``crop_size`` afterwards, which ``MultiTaskCenteredPad`` reads.
    """

    def __init__(
        self,
        *,
        crop_size: tuple[int, int],
        cat_max_ratio: float = 1.0,
        cat_task: str = 'semseg',
    ) -> None:
        """Store the settings.

        Args:
            crop_size: Height and width of the window, in pixels.
            cat_max_ratio: Largest share of one class, above 0; 1 takes any
                window.
            cat_task: The task whose class ids count.
        """
        self.crop_size = tuple(crop_size)
        if not 0 < cat_max_ratio <= 1:
            raise ValueError(
                f'MultiTaskRandomCrop: cat_max_ratio={cat_max_ratio}, give '
                'more than 0 and at most 1'
            )
        self.cat_max_ratio = cat_max_ratio
        self.cat_task = cat_task
        self.ignore_value = int(get_task(cat_task).kind.no_label)

    def draw(self, results: dict) -> tuple[int, int]:
        """Return top and left of a window."""
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
        results['crop_size'] = self.crop_size
        results['img'] = self._cut(results['img'], top, left)
        results['img_shape'] = results['img'].shape[:2]
        change_labels(results, lambda x, _: self._cut(x, top, left))
        return results

    def transform(self, results: dict) -> dict:
        """Cut a drawn window out of a sample."""
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
class MultiTaskFixedCrop(BaseTransform):
    """Cut out a given box, or the middle.

    Convention:
        ``crop_box`` in the results says which part of the original image is
        left: (left, top, right, bottom), the last two exclusive. A
        prediction goes back to its place in the original image, where its
        border is continued outside. Labels loaded after this transform keep
        their size; :class:`IgnoreOutsideCrop` takes what lies outside out of
        the evaluation.
    """

    def __init__(
        self, *, box: Box | None = None, size: tuple[int, int] | None = None
    ) -> None:
        """Store the window.

        Args:
            box: Left, top, right, bottom in pixels, the last two exclusive.
            size: Instead of a box, height and width of a window in the
                middle; a side shorter than it stays whole.
        """
        if (box is None) == (size is None):
            raise ValueError(
                f'MultiTaskFixedCrop: box={box} and size={size}, give one of '
                'them'
            )
        self.box: Any = box  # where the size is None
        self.size = size

    def transform(self, results: dict) -> dict:
        """Cut a sample.

        Args:
            results: The sample, neither resized nor mirrored before.
        """
        refuse_padded(results, type(self).__name__)
        shape = results['img'].shape
        left, top, right, bottom = self._window(shape)
        before = results.get('crop_box')
        x, y = before[:2] if before else (0, 0)
        full = results.get('ori_shape', shape)[:2]
        now = (before[3] - y, before[2] - x) if before else tuple(full)
        if results.get('flip') or tuple(shape[:2]) != now:
            raise ValueError(
                'MultiTaskFixedCrop comes after a transform that resizes or '
                'mirrors: put it first, its place is one of the original '
                'image'
            )
        results['img'] = results['img'][top:bottom, left:right]
        results['img_shape'] = results['img'].shape[:2]
        results['crop_box'] = (x + left, y + top, x + right, y + bottom)
        change_labels(results, lambda m, _: m[top:bottom, left:right])
        return results

    def _window(self, shape: tuple[int, ...]) -> Box:
        if self.size is not None:
            return centred_box(shape, self.size)
        left, top, right, bottom = self.box
        if not (
            0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]
        ):
            raise ValueError(
                f'MultiTaskFixedCrop: box={self.box} (left, top, right, '
                f'bottom) does not lie in the image of {shape[0]}x{shape[1]} '
                '(height x width): give images of the size that the box was '
                'made for, or another box'
            )
        return self.box


def centred_box(shape: tuple[int, ...], size: tuple[int, int]) -> Box:
    """Return the window in the middle of an image.

    Args:
        shape: Height and width first.
        size: Height and width of the window; a longer side is cut to the
            image's.

    Returns:
        Left, top, right, bottom, the last two exclusive; of an odd
        difference the larger half stays at the right and at the bottom.
    """
    height, width = (min(n, s) for n, s in zip(shape[:2], size, strict=True))
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    return left, top, left + width, top + height


@TRANSFORMS.register_module()
class IgnoreOutsideCrop(BaseTransform):
    """Take what :class:`MultiTaskFixedCrop` cut off out of full-size labels.

    For testing: labels of the original size, loaded after the crop, get
    their ignore value where the network has seen nothing.
    """

    def transform(self, results: dict) -> dict:
        """Clear the labels outside."""
        box = results['crop_box']
        full = tuple(results['ori_shape'][:2])
        for task, label in results.get('labels', {}).items():
            if label.shape[:2] != full:
                raise ValueError(
                    f'IgnoreOutsideCrop: the label of {task!r} is '
                    f'{label.shape[0]}x{label.shape[1]}, the image '
                    f'{full[0]}x{full[1]}: put LoadMultiTaskAnnotations '
                    'between MultiTaskFixedCrop and this'
                )
        change_labels(results, lambda x, kind: keep_inside(x, kind, box))
        return results


def keep_inside(label: np.ndarray, kind: Kind, box: Box) -> np.ndarray:
    """Take the labels outside of a box away.

    Args:
        label: ``(H, W)`` or ``(H, W, C)``.
        kind: The task's kind.
        box: Left, top, right, bottom, the last two exclusive.

    Returns:
        The label, its ignore value outside.
    """
    inside = (slice(box[1], box[3]), slice(box[0], box[2]))
    kept = np.full_like(label, kind.no_label)
    kept[inside] = label[inside]
    return kept
