"""Leaves images without people out of the human parts task."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.registry import TRANSFORMS
from mmmtl.structures import TASK_SPECS

_TASK = 'human_parts'
_BACKGROUND = 0


def ignore_if_empty(label: np.ndarray) -> np.ndarray:
    """Return a map without labels if no body part is in it.

    Args:
        label: ``(H, W)`` uint8 part ids; 0 is the background.

    Returns:
        The map itself, or one of ignore values.
    """
    ignore = int(TASK_SPECS[_TASK].ignore_value)
    if ((label != _BACKGROUND) & (label != ignore)).any():
        return label
    return np.full_like(label, ignore)


@TRANSFORMS.register_module()
class IgnoreEmptyHumanParts(BaseTransform):
    """Give a sample without a person no human parts label at all.

    As published: most images show nobody, and background alone would teach
    little. A sample without this task stays as it is.
    """

    def transform(self, results: dict) -> dict:
        """Clear the label if it is empty.

        Args:
            results: The sample.
        """
        labels = results.get('labels', {})
        if _TASK in labels:
            label = ignore_if_empty(labels[_TASK])
            results['labels'] = {**labels, _TASK: label}
        return results
