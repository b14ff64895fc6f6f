"""Changes class ids: shifts them, or drops maps without a person."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.registry import TRANSFORMS
from mmmtl.tasks import TASKS, Task, get_task

_PARTS_TASK = 'human_parts'

_BACKGROUND = 0


@TRANSFORMS.register_module()
class ShiftClassIds(BaseTransform):
    """Add a number to the class ids of one task.

    Released MulT weights have 41 outputs on NYUDv2: 0 means unlabelled and
    is never trained, the classes are 1 to 40. Our data sets count classes
    from 0, so such a model needs ``offset=1``, and 41 class names in the data
    set's ``metainfo``.
    """

    def __init__(self, *, offset: int, task: str = 'semseg') -> None:
        """Store the settings.

        Args:
            offset: What is added to every id.
            task: A task with class ids.
        """
        if not get_task(task).kind.has_classes:
            raise ValueError(
                f'ShiftClassIds: task={task!r} has no classes, give a task '
                "that has, such as 'semseg'"
            )
        self.task = task
        self.offset = offset

    def transform(self, results: dict) -> dict:
        """Move the ids; a sample without the task stays as it is."""
        labels = results.get('labels', {})
        if self.task in labels:
            label = shift_ids(
                labels[self.task], get_task(self.task), self.offset
            )
            results['labels'] = {**labels, self.task: label}
        return results


@TRANSFORMS.register_module()
class IgnoreEmptyHumanParts(BaseTransform):
    """Give a sample without a person no human parts label at all.

    As published: most images show nobody, and background alone would teach
    little. A sample without this task stays as it is.
    """

    def transform(self, results: dict) -> dict:
        """Clear the label if it is empty."""
        labels = results.get('labels', {})
        if _PARTS_TASK in labels:
            label = ignore_if_empty(labels[_PARTS_TASK])
            results['labels'] = {**labels, _PARTS_TASK: label}
        return results


def shift_ids(label: np.ndarray, task: Task, offset: int) -> np.ndarray:
    """Add a number to every class id.

    Args:
        label: ``(H, W)`` uint8 class ids.
        task: The task's row.
        offset: What is added.

    Returns:
        ``(H, W)`` uint8, 0 to 254; pixels without a label keep 255.
    """
    ignore = int(task.kind.no_label)
    valid = label != ignore
    shifted = label.astype(np.int64) + offset
    if valid.any() and not (
        shifted[valid].min() >= 0 and shifted[valid].max() < ignore
    ):
        raise ValueError(
            f'ShiftClassIds: ids {label[valid].min()} to '
            f'{label[valid].max()} of {task.name} + {offset} leave 0 to '
            f'{ignore - 1}: change offset'
        )
    return np.where(valid, shifted, ignore).astype(np.uint8)


def ignore_if_empty(label: np.ndarray) -> np.ndarray:
    """Return a map without labels if no body part is in it.

    Args:
        label: ``(H, W)`` uint8 part ids; 0 is the background.

    Returns:
        The map itself, or one of ignore values.
    """
    ignore = int(TASKS[_PARTS_TASK].kind.no_label)
    if ((label != _BACKGROUND) & (label != ignore)).any():
        return label
    return np.full_like(label, ignore)
