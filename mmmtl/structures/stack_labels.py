"""From a list of samples to one label tensor per task."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmmtl.structures.multi_task_data_sample import MultiTaskDataSample
from mmmtl.tasks.task_spec import get_task_spec


def stack_labels(
    samples: Sequence[MultiTaskDataSample],
    task: str,
    size: tuple[int, int],
    device: torch.device,
) -> Tensor:
    """Stack one task's labels; a sample without it is "no label" throughout.

    Args:
        samples: The batch, its labels padded to a common size.
        task: Task name.
        size: ``(H, W)`` that every label must have.
        device: Where the result is needed.

    Returns:
        ``(B, C, H, W)`` labels of the task's dtype; ``ignore_value`` where
        a sample has no label of this task.

    Raises:
        ValueError: If a label has another size than the network's input.
    """
    spec = get_task_spec(task)
    labels = []
    for index, sample in enumerate(samples):
        if not sample.has_gt(task):
            shape = (spec.label_channels, *size)
            labels.append(
                torch.full(shape, spec.ignore_value, dtype=spec.dtype)
            )
            continue
        label = sample.get_gt(task)
        if tuple(label.shape[-2:]) != tuple(size):
            raise ValueError(
                f'{spec.gt_field} of sample {index} is '
                f'{tuple(label.shape[-2:])}, the network input {size}: '
                'load labels before the transforms that change the size'
            )
        labels.append(label)
    return torch.stack([label.to(device) for label in labels])
