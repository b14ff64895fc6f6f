"""All metrics of all tasks, then one number for the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric, Evaluator

from mmmtl.evaluation.functional.delta_m import delta_m
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.evaluation.primary_metrics import primary_key, primary_metrics
from mmmtl.evaluation.single_task import (
    check_single_task,
    read_single_task,
)
from mmmtl.registry import EVALUATOR, METRICS, build_in_scope
from mmmtl.structures import merge_unique


@EVALUATOR.register_module()
class MultiTaskEvaluator(Evaluator):
    """Runs every metric; adds ``delta_m`` if given single-task results.

    Convention:
        ``delta_m`` is the mean relative gain over the single-task results in
        percent, of each task's primary metric (semseg/mIoU, depth/rmse,
        normals/mean_err, edge/odsF and not seism_odsF, saliency/maxF,
        human_parts/mIoU, mae of the heat maps, or what ``primary`` says).
        Single-task results are needed for exactly the tasks whose primary
        metric is measured.
    """

    def __init__(
        self,
        metrics: Mapping[str, Any]
        | BaseMetric
        | Sequence[Mapping[str, Any] | BaseMetric],
        *,
        single_task: Mapping[str, float] | str | Path | None = None,
        primary: Mapping[str, str] | None = None,
    ) -> None:
        """Build the metrics and check that their names differ.

        Args:
            metrics: One metric, or several, or their configs.
            single_task: Primary metric of a single-task model by task, in
                the metric's unit (mIoU in percent), for ``delta_m``; or the
                JSON file that ``tools/analysis_tools/single_task.py`` has
                written.
            primary: Name of a metric by task (``dict(saliency='mIoU')``),
                for tasks that this recipe compares by another metric than
                the literature at large. A task that is not measured at all
                may be named.

        Raises:
            ValueError: If two metrics report the same name, a metric of
                ``primary`` is unknown or not measured, or ``single_task``
                names other tasks than are measured or holds a value that is
                not positive, or its file cannot be used.
        """
        if isinstance(metrics, (Mapping, BaseMetric)):
            metrics = [metrics]
        super().__init__(
            [
                build_in_scope(METRICS, dict(metric))
                if isinstance(metric, Mapping)
                else metric
                for metric in metrics
            ]
        )
        names = merge_unique(
            *(
                dict.fromkeys(f'{m.prefix}/{name}' for name in m.reports)
                for m in self.metrics
                if isinstance(m, BaseTaskMetric)
            )
        )
        self.primary = dict(primary or {})
        self._primary_metrics = primary_metrics(self.primary)
        if isinstance(single_task, (str, Path)):
            single_task = read_single_task(single_task, self.primary)
        self.single_task = check_single_task(single_task)
        # Names of other libraries' metrics are known only after a run.
        if all(isinstance(m, BaseTaskMetric) for m in self.metrics):
            self._check_primary(names)
            self._check_measured(names)

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute all metrics.

        Args:
            size: Number of samples of the data set.

        Returns:
            Value by name.

        Raises:
            ValueError: If two metrics report the same name, or
                ``single_task`` names other tasks than were measured.
        """
        metrics = super().evaluate(size)
        if self.single_task is None:
            return metrics
        self._check_measured(metrics)
        value = delta_m(
            {task: metrics[self._key(task)] for task in self.single_task},
            self.single_task,
            [
                task
                for task, row in self._primary_metrics.items()
                if row.lower_is_better
            ],
        )
        return merge_unique(metrics, {'delta_m': value})

    def _key(self, task: str) -> str:
        return primary_key(task, self.primary)

    def _check_primary(self, names: Iterable[str]) -> None:
        """Refuse a metric that nobody reports though others of its task are.

        The task would silently drop out of ``delta_m``.
        """
        for task in self.primary:
            own = sorted(n for n in names if n.startswith(f'{task}/'))
            if own and self._key(task) not in own:
                raise ValueError(
                    f'primary[{task!r}]={self.primary[task]!r} is not '
                    f'measured, only {own}: change one of the two'
                )

    def _check_measured(self, names: Iterable[str]) -> None:
        if self.single_task is None:
            return
        names = set(names)
        measured = {t for t in self._primary_metrics if self._key(t) in names}
        unmeasured = sorted(
            self._key(task) for task in self.single_task.keys() - measured
        )
        if unmeasured:
            raise ValueError(
                f'single_task needs {unmeasured}, which no metric measures: '
                'add the metric or take the task out'
            )
        missing = sorted(measured - self.single_task.keys())
        if missing:
            raise ValueError(
                f'single_task has no value for {missing}, measured by '
                f'{[self._key(task) for task in missing]}: delta_m is the '
                'mean over all tasks, add them'
            )
