"""What every metric has in common: reading samples, adding up sums."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmmtl.tasks import Kind, get_task

Sums = tuple[np.ndarray, ...]

# Entry of a sample that counts nothing. It must not be None: mmengine drops
# those when it gathers processes, and then keeps as many samples that its
# sampler repeated.
_NOTHING = ()
# Below it the scores of each data set, on their way through mmengine, which
# puts the prefix before it.
_PARTS = 'by data set'


class BaseTaskMetric(BaseMetric):
    """Sums per sample, added over the data set, turned into scores.

    A subclass gives the sums of one sample (:meth:`measure`, or
    :meth:`measure_maps` where neighbouring pixels count) and the scores that
    follow from the added sums (:meth:`summarize`). :meth:`read_label` may
    take the label from elsewhere, or leave a sample out.

    Convention:
        All valid pixels of the data set are pooled. Each sample leaves one
        entry of a few numbers, so any split into batches or processes gives
        the same scores, and the samples that a distributed sampler repeats
        are dropped by mmengine's count. A sample without label of the task
        counts nothing; a data set without any raises.

        Where samples say from which of several data sets they are
        (:class:`mmmtl.datasets.JointDataset`), the scores of each that has
        labels of the task stand beside those of all: ``depth/rmse`` and
        ``rooms/depth/rmse``.

    Attributes:
        reports: Names of the scores, without the prefix.
        may_report: Further names, which an option brings.
        errors: Unit of each of these scores of which less is better; ''
            where it has none. Of all others more is better, in percent.
        kind: Kind of the tasks that the metric measures.
        task: The task measured.
        row: Its row in the table of tasks.
    """

    reports: tuple[str, ...]
    may_report: ClassVar[tuple[str, ...]] = ()
    errors: ClassVar[Mapping[str, str]] = MappingProxyType({})
    kind: ClassVar[type[Kind]] = Kind

    def __init__(
        self,
        *,
        task: str,
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the task.

        Args:
            task: Task name.
            prefix: What stands before the slash of the scores' names; the
                task if None.
            collect_device: Where results of several processes are gathered.
            collect_dir: Shared folder for gathering them on the CPU.

        Raises:
            ValueError: If the metric does not measure tasks of this kind.
        """
        self.row = get_task(task)
        if not isinstance(self.row.kind, self.kind):
            raise ValueError(
                f'task={task!r} is of kind {self.row.kind_name!r}: '
                f'{type(self).__name__} measures {self.kind.__name__}'
            )
        self.task = task
        super().__init__(
            collect_device=collect_device,
            prefix=prefix or task,
            collect_dir=collect_dir,
        )

    @classmethod
    def unit_of(cls, name: str, kind: Kind) -> str:
        """Return the unit of a score.

        Args:
            name: Its name, without the prefix.
            kind: What the task's map says.
        """
        del kind
        return cls.errors.get(name, '%')

    def read_label(self, sample: Mapping[str, Any]) -> np.ndarray | None:
        """Return what a sample is measured against.

        Args:
            sample: The sample as a dictionary.

        Returns:
            ``(C, H, W)`` of the size of the prediction, in the task's
            convention; None if the sample has no label and counts nothing.
        """
        field = self.row.gt_field
        return _to_numpy(sample[field]['data']) if field in sample else None

    def measure_maps(
        self, prediction: np.ndarray, label: np.ndarray, valid: np.ndarray
    ) -> Sums | Future:
        """Measure one sample as a picture.

        This hands the valid pixels to :meth:`measure`. A metric that looks
        at neighbouring pixels replaces this instead of :meth:`measure`.

        Args:
            prediction: ``(C, H, W)``.
            label: ``(C, H, W)``.
            valid: ``(H, W)`` bool, some of it True.

        Returns:
            Arrays that may be added over samples, or a promise of them.
        """
        return self.measure(prediction[:, valid], label[:, valid])

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """Measure one sample, pixel by pixel.

        Args:
            prediction: ``(C, N)`` predictions of the ``N`` valid pixels.
            label: ``(C, N)`` labels of the same pixels.

        Returns:
            Arrays that may be added over samples.
        """
        raise NotImplementedError

    @abstractmethod
    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """Compute the scores.

        Args:
            sums: Results of :meth:`measure`, added over the data set.
            count: Number of valid pixels > 0.

        Returns:
            Score by name, without the prefix.
        """

    def process(
        self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]
    ) -> None:
        """Measure a batch.

        Args:
            data_batch: Not used.
            data_samples: Samples as dictionaries, with prediction and label
                of the same size.

        Raises:
            ValueError: If a prediction has another size than the label, or
                is not finite at a valid pixel.
        """
        for sample in data_samples:
            self.results.append(self._measure_sample(sample))

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the scores, also of each of several data sets.

        Args:
            size: Number of samples of the data set.

        Returns:
            Score by name: ``<prefix>/<score>``, then
            ``<data set>/<prefix>/<score>``.
        """
        scores = super().evaluate(size)
        parts = scores.pop(f'{self.prefix}/{_PARTS}', {})
        return scores | {
            f'{name}/{self.prefix}/{score}': value
            for name, part in parts.items()
            for score, value in part.items()
        }

    def compute_metrics(self, results: list) -> dict[str, Any]:
        """Add up the samples and compute the scores.

        Args:
            results: One entry per sample of the data set.

        Returns:
            Score by name, without the prefix. Those of each of several data
            sets are by its name below an entry more.

        Raises:
            ValueError: If no pixel of the data set has a label.
        """
        counted = [entry for entry in results if entry]
        if not counted:
            raise ValueError(
                f'{type(self).__name__}: none of {len(results)} samples has '
                f'a label of task {self.task!r}: check that the validation '
                f'pipeline loads it into {self.row.gt_field}, or take the '
                'metric out of the evaluator'
            )
        scores = self._add_up(counted)
        parts: dict[str, list] = {}
        for count, sums, *data_set in counted:
            for name in data_set:
                parts.setdefault(name, []).append((count, sums))
        if parts:
            scores[_PARTS] = {n: self._add_up(p) for n, p in parts.items()}
        return scores

    def _add_up(self, entries: Sequence[tuple]) -> dict[str, Any]:
        # int32 counts would overflow when added.
        sums = tuple(
            np.sum(column, axis=0, dtype=np.result_type(column[0], np.int64))
            for column in zip(*(entry[1] for entry in entries), strict=True)
        )
        return self.summarize(sums, sum(entry[0] for entry in entries))

    def _measure_sample(
        self, sample: Mapping[str, Any]
    ) -> tuple[int, Sums] | tuple[int, Sums, str] | tuple[()]:
        label = self.read_label(sample)
        if label is None:
            return _NOTHING
        valid = self.row.kind.valid(label)[0]  # (H, W)
        prediction = self._read_prediction(sample, label)
        if not np.isfinite(prediction[:, valid]).all():
            raise ValueError(
                f'{self.row.pred_field} of {_name(sample)} is not finite: '
                'the model has diverged'
            )
        count = int(np.count_nonzero(valid))
        if not count:
            return _NOTHING
        sums: Any = self.measure_maps(prediction, label, valid)
        name = sample.get('data_set')
        return (count, sums) if name is None else (count, sums, name)

    def _read_prediction(
        self, sample: Mapping[str, Any], label: np.ndarray
    ) -> np.ndarray:
        field = self.row.pred_field
        prediction = _to_numpy(sample[field]['data'])
        if prediction.shape != label.shape:
            raise ValueError(
                f'{field} of {_name(sample)} is {prediction.shape}, its label '
                f'{label.shape}: keep labels at the original size (load them '
                'after, or without, transforms that resize)'
            )
        return prediction


def _to_numpy(data: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(data, np.ndarray):
        return data
    data = data.detach().cpu()
    # numpy has no bfloat16.
    return (data.float() if data.is_floating_point() else data).numpy()


def _name(sample: Mapping[str, Any]) -> str:
    return f'sample {sample.get("sample_id", sample.get("img_path", "?"))!r}'
