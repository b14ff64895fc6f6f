"""Several data sets as one, each with its name, and what is inside of such.

Data sets that others hold are found here for all of the package: a
concatenation, a repeated data set, a :class:`JointDataset`.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch.utils.data import ConcatDataset, Dataset

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.errors import did_you_mean
from mmmtl.registry import DATASETS, build_in_scope
from mmmtl.tasks import check_tasks, get_task

LossWeight = float | Mapping[str, float]


@DATASETS.register_module()
class JointDataset(Dataset):
    """Data sets one after the other; samples know from which they come.

    They may have labels of different tasks. In place of a data set there may
    be a wrapper: ``RepeatDataset`` with ``times=3`` shows its samples three
    times as often.

    Convention:
        Samples get ``data_set``, the name, and ``loss_weight`` as metainfo.
        Heads multiply by the latter what a sample contributes to the
        gradients (:meth:`BaseMultiTaskHead.loss`), metrics report each data
        set beside the whole (:class:`BaseTaskMetric`). ``metainfo`` has the
        classes of a task from the data sets that have its labels.
    """

    def __init__(
        self,
        *,
        datasets: Mapping[str, Mapping[str, Any] | Dataset],
        loss_weights: Mapping[str, LossWeight] | None = None,
    ) -> None:
        """Build the data sets.

        Args:
            datasets: Data sets, or their configs, by the names that figures
                will have.
            loss_weights: Factor >= 0 by data set, for the losses of all
                tasks; or factors by data set and task. 1 where nothing is
                said.

        Raises:
            ValueError: If a weight is of no data set or task or no number
                >= 0, or two data sets have other classes of the same task.
        """
        self.loss_weights = dict(loss_weights or {})
        for name, weight in self.loss_weights.items():
            _check_weight(name, weight, datasets)
        self.names = tuple(datasets)
        self.datasets = [
            build_in_scope(DATASETS, part)
            if isinstance(part, Mapping)
            else part
            for part in datasets.values()
        ]
        self._joined = ConcatDataset(self.datasets)
        self._metainfo = _join_metainfo(self.datasets)

    @property
    def metainfo(self) -> dict[str, Any]:
        """What is known of the data, such as the names of classes."""
        return copy.deepcopy(self._metainfo)

    def __len__(self) -> int:
        return len(self._joined)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a packed sample, or its views, with the name of its set."""
        packed = self._joined[index]
        name = self.names[bisect_right(self._joined.cumulative_sizes, index)]
        info: dict[str, Any] = {'data_set': name}
        if name in self.loss_weights:
            info['loss_weight'] = self.loss_weights[name]
        views = packed['data_samples']
        for sample in views if isinstance(views, list) else [views]:
            sample.set_metainfo(info)
        return packed


def our_data_sets(dataset: Any) -> Iterator[BaseMultiTaskDataset]:
    """Yield the data sets of ours inside a wrapper."""
    for part in leaves(dataset):
        if isinstance(part, BaseMultiTaskDataset):
            yield part


def leaves(dataset: Any) -> Iterator[Any]:
    """Yield the data sets inside wrappers (several, repeated, balanced)."""
    parts = parts_of(dataset)
    if not parts:
        yield dataset
    for part in parts:
        yield from leaves(part)


def parts_of(dataset: Any) -> Sequence[Any]:
    """Return the data sets that a wrapper holds; none of another."""
    one = [dataset.dataset] if hasattr(dataset, 'dataset') else []
    return getattr(dataset, 'datasets', one)


def _check_weight(
    name: str, weight: LossWeight, datasets: Mapping[str, Any]
) -> None:
    if name not in datasets:
        raise ValueError(
            f'loss_weights.{name} is for no data set: '
            f'{did_you_mean(name, datasets)}'
        )
    factors = weight if isinstance(weight, Mapping) else {'': weight}
    if isinstance(weight, Mapping):
        check_tasks(weight)
    for factor in factors.values():
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(
                f'loss_weights.{name}={weight}: give finite numbers >= 0'
            )


def _join_metainfo(datasets: Sequence[Any]) -> dict[str, Any]:
    """Take entries from the first that has them, classes where they count."""
    joined: dict[str, Any] = {}
    for part in datasets:
        joined = {**getattr(part, 'metainfo', {}), **joined}
    owners: dict[str, Any] = {}
    for part in datasets:
        for leaf in our_data_sets(part):
            for task in leaf.class_counts():
                meta = leaf.metainfo
                row = get_task(task)
                first = owners.setdefault(task, meta)
                if list(first[row.classes_key]) != list(meta[row.classes_key]):
                    raise ValueError(
                        f'two data sets have other classes of {task!r}: '
                        f'{first[row.classes_key]} and '
                        f'{meta[row.classes_key]}; bring them to the same '
                        'ids, or read the task in one of them only (tasks)'
                    )
                for key in (row.classes_key, row.palette_key):
                    joined[key] = first.get(key)
    return joined
