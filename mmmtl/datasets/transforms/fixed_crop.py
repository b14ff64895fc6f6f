"""Cuts a window at a fixed place out of an image and its labels."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.labels import (
    change_labels,
    check_size,
    refuse_padded,
)
from mmmtl.registry import TRANSFORMS
from mmmtl.structures import TaskSpec

Box = tuple[int, int, int, int]


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


def keep_inside(label: np.ndarray, spec: TaskSpec, box: Box) -> np.ndarray:
    """Take the labels outside of a box away.

    Args:
        label: ``(H, W)`` or ``(H, W, C)``.
        spec: The task's row.
        box: Left, top, right, bottom, the last two exclusive.

    Returns:
        The label, its ignore value outside.
    """
    inside = (slice(box[1], box[3]), slice(box[0], box[2]))
    kept = np.full_like(label, spec.ignore_value)
    kept[inside] = label[inside]
    return kept


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
        """Check and store the window.

        Args:
            box: Left, top, right, bottom in pixels, the last two exclusive.
            size: Instead of a box, height and width of a window in the
                middle; a side shorter than it stays whole.

        Raises:
            ValueError: If not exactly one of the two is given, or the box is
                empty.
        """
        if (box is None) == (size is None):
            raise ValueError(
                f'MultiTaskFixedCrop: box={box} and size={size}, give one of '
                'them'
            )
        if box is not None:
            box = tuple(box)
            if (
                len(box) != 4
                or min(box) < 0
                or box[0] >= box[2]
                or box[1] >= box[3]
            ):
                raise ValueError(
                    f'MultiTaskFixedCrop: box={box}, give (left, top, right, '
                    'bottom) with 0 <= left < right and 0 <= top < bottom'
                )
        self.box = box
        self.size = None if size is None else check_size('size', size)

    def transform(self, results: dict) -> dict:
        """Cut a sample.

        Args:
            results: The sample, neither resized nor mirrored before.

        Raises:
            ValueError: If it was, or the image does not contain the box.
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
        if self.box[2] > shape[1] or self.box[3] > shape[0]:
            raise ValueError(
                f'MultiTaskFixedCrop: box={self.box} (left, top, right, '
                f'bottom) does not lie in the image of {shape[0]}x{shape[1]} '
                '(height x width): give images of the size that the box was '
                'made for, or another box'
            )
        return self.box


@TRANSFORMS.register_module()
class IgnoreOutsideCrop(BaseTransform):
    """Take what :class:`MultiTaskFixedCrop` cut off out of full-size labels.

    For testing: labels of the original size, loaded after the crop, get
    their ignore value where the network has seen nothing.
    """

    def transform(self, results: dict) -> dict:
        """Clear the labels outside.

        Args:
            results: The sample.

        Raises:
            ValueError: If the image was not cropped, or a label has another
                size than the original image.
        """
        if 'crop_box' not in results:
            raise ValueError(
                'IgnoreOutsideCrop needs MultiTaskFixedCrop before it'
            )
        full = tuple(results['ori_shape'][:2])
        for task, label in results.get('labels', {}).items():
            if label.shape[:2] != full:
                raise ValueError(
                    f'IgnoreOutsideCrop: the label of {task!r} is '
                    f'{label.shape[0]}x{label.shape[1]}, the image '
                    f'{full[0]}x{full[1]}: put LoadMultiTaskAnnotations '
                    'between MultiTaskFixedCrop and this'
                )
        box = results['crop_box']
        change_labels(results, lambda x, spec: keep_inside(x, spec, box))
        return results
