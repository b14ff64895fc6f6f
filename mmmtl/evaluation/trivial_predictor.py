"""The best answer that does not look at the image, as a floor for models.

A model that does not beat it has learnt nothing of the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import check_tasks, get_task_spec, valid_mask

_HEAT_BINS = 1000


def fit_constants(
    samples: Iterable[MultiTaskDataSample], tasks: Sequence[str]
) -> dict[str, Tensor]:
    """Find the constant answer of each task on a training set.

    Convention:
        Pooled over all labelled pixels: the most frequent class, the mean
        depth in metres (the constant of smallest RMSE), the mean normal
        scaled to length 1, and the median of a heat map (the constant of
        smallest absolute error). For edges and saliency 1 everywhere: of all
        constants it has the largest F, 2p / (1 + p) at a share p of
        positives.

    Args:
        samples: Samples with labels.
        tasks: Task names.

    Returns:
        ``{task: (C, 1, 1)}`` predictions.

    Raises:
        ValueError: If a task has no labelled pixel in any sample.
    """
    tasks = check_tasks(tasks)
    totals: dict[str, Tensor] = {}
    for sample in samples:
        for task in tasks:
            if sample.has_gt(task):
                values = _statistics(task, sample.get_gt(task))
                totals[task] = totals.get(task, 0) + values
    missing = [task for task in tasks if not _has_labels(totals.get(task))]
    if missing:
        raise ValueError(
            f'no labelled pixel of {missing} in the training set: check the '
            "data set's tasks and label files"
        )
    return {task: _constant(task, totals[task]) for task in tasks}


def predict_constants(
    sample: MultiTaskDataSample, constants: dict[str, Tensor]
) -> MultiTaskDataSample:
    """Give a sample the constant predictions, at the size of its labels.

    Args:
        sample: A sample with labels; it is changed.
        constants: What :func:`fit_constants` returned.

    Returns:
        The same sample.
    """
    for task, constant in constants.items():
        if sample.has_gt(task):
            size = sample.get_gt(task).shape[-2:]
            sample.set_pred(task, constant.expand(-1, *size).contiguous())
    return sample


def _has_labels(total: Tensor | None) -> bool:
    return total is not None and bool(total.abs().sum() > 0)


def _statistics(task: str, label: Tensor) -> Tensor:
    """Return what adds up over samples: a histogram, or sums and a count."""
    spec = get_task_spec(task)
    values = label[:, valid_mask(label, spec)[0]]  # (C, number of pixels)
    if spec.decode == 'argmax':
        return torch.bincount(values[0], minlength=256).double()
    if spec.decode == 'identity':
        return torch.histc(values[0], _HEAT_BINS, 0, 1).double()
    count = torch.tensor([values.shape[1]], dtype=torch.float64)
    return torch.cat([values.double().sum(1), count])


def _constant(task: str, total: Tensor) -> Tensor:
    spec = get_task_spec(task)
    if spec.decode == 'argmax':
        best = total.argmax()
    elif spec.decode == 'identity':
        half = total.sum() / 2
        best = (total.cumsum(0) < half).sum() / _HEAT_BINS
    elif spec.decode.startswith('sigmoid'):
        best = torch.ones(1)
    else:
        best = total[:-1] / total[-1]
        if spec.decode == 'l2_normalize':
            best = F.normalize(best, dim=0)
    return best.to(spec.pred_dtype).view(-1, 1, 1)
