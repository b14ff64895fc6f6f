"""What several transforms do and check alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mmmtl.tasks import Kind, get_task

#: ImageNet's mean colour, rounded, in BGR: what the network sees as 0.
MEAN_COLOUR = (104, 116, 124)

Change = Callable[[np.ndarray, Kind], np.ndarray]


def change_labels(results: dict, change: Change) -> None:
    """Put every loaded label through a function.

    Args:
        results: The sample; one without labels (in prediction) stays as it
            is.
        change: From a label and its task's kind to the new label.
    """
    if 'labels' in results:
        results['labels'] = {
            task: change(label, get_task(task).kind)
            for task, label in results['labels'].items()
        }


def frame_of(shape: Sequence[int], done: Mapping[str, Any]) -> tuple:
    """Return where a picture lies over its file.

    Args:
        shape: Height and width first.
        done: The sample, which says what was done to it so far.

    Returns:
        Size, mirror, padding, window and zoom: all that testing undoes in
        predictions.
    """
    padding = done.get('padding_size')
    return (
        tuple(shape[:2]),
        done.get('flip_direction') if done.get('flip') else None,
        tuple(padding) if padding and any(padding) else None,
        done.get('crop_box'),
        done.get('zoom', 1.0),
    )


def refuse_padded(results: dict, name: str) -> None:
    """Refuse a geometric change after padding, whose place would be lost.

    Args:
        results: The sample.
        name: The transform that asks.
    """
    if any(results.get('padding_size', ())):
        raise ValueError(
            f'{name} comes after MultiTaskCenteredPad in the pipeline: pad '
            'last'
        )


def check_probability(name: str, prob: float) -> float:
    """Return a probability; 50 for "50 %" would mean "always".

    Args:
        name: The transform, for the error text.
        prob: 0 to 1.
    """
    if not 0 <= prob <= 1:
        raise ValueError(f'{name}: prob={prob}, give 0 to 1')
    return prob
