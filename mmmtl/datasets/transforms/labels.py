"""What transforms do to every label alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmmtl.tasks import TaskSpec, get_task_spec

#: ImageNet's mean colour, rounded, in BGR: what the network sees as 0.
MEAN_COLOUR = (104, 116, 124)

Change = Callable[[np.ndarray, TaskSpec], np.ndarray]


def change_labels(results: dict, change: Change) -> None:
    """Put every loaded label through a function.

    Args:
        results: The sample; one without labels (in prediction) stays as it
            is.
        change: From a label and its task's row to the new label.
    """
    if 'labels' in results:
        results['labels'] = {
            task: change(label, get_task_spec(task))
            for task, label in results['labels'].items()
        }


def refuse_padded(results: dict, name: str) -> None:
    """Refuse a geometric change of an image that is already padded.

    Args:
        results: The sample.
        name: The transform that asks.

    Raises:
        ValueError: If the image has padding, whose place would be lost.
    """
    if any(results.get('padding_size', ())):
        raise ValueError(
            f'{name} comes after MultiTaskCenteredPad in the pipeline: pad '
            'last'
        )


def check_probability(name: str, prob: float) -> float:
    """Return a probability after checking it.

    Args:
        name: The transform, for the error text.
        prob: 0 to 1.

    Raises:
        ValueError: If it lies outside.
    """
    if not 0 <= prob <= 1:
        raise ValueError(f'{name}: prob={prob}, give 0 to 1')
    return prob


def check_size(name: str, size: tuple[int, int]) -> tuple[int, int]:
    """Return a size after checking it.

    Args:
        name: The argument, for the error text.
        size: Height and width in pixels.

    Raises:
        ValueError: If it is something else.
    """
    if len(tuple(size)) != 2 or min(size) < 1:
        raise ValueError(f'{name}={size}: give (height, width) in pixels')
    return int(size[0]), int(size[1])
