"""The best answer that does not look at the image, as a floor for models.

A model that does not beat it has learnt nothing of the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import check_tasks, get_task


def fit_constants(
    samples: Iterable[MultiTaskDataSample], tasks: Sequence[str]
) -> dict[str, Tensor]:
    """Find the constant answer of each task on a training set.

    Convention:
        Pooled over all labelled pixels: the most frequent class, the mean
        depth in metres (the constant of smallest RMSE), the mean normal
        scaled to length 1, and the median of real values (the constant of
        smallest absolute error). For masks 1 everywhere: of all constants
        it has the largest F, 2p / (1 + p) at a share p of positives. Each
        kind of map says its own.

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
                kind, label = get_task(task).kind, sample.get_gt(task)
                # (C, number of labelled pixels)
                values = label[:, kind.valid(label)[0]]
                totals[task] = totals.get(task, 0) + kind.statistics(values)
    missing = [task for task in tasks if not _has_labels(totals.get(task))]
    if missing:
        raise ValueError(
            f'no labelled pixel of {missing} in the training set: check the '
            "data set's tasks and label files"
        )
    constants = {}
    for task in tasks:
        kind = get_task(task).kind
        best = kind.best_constant(totals[task]).to(kind.pred_dtype)
        constants[task] = best.view(-1, 1, 1)
    return constants


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
