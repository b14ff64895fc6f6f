"""All metrics of all tasks, then one number for the whole."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric, Evaluator

from mmmtl.evaluation.comparison import add_delta_m
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.evaluation.primary_metrics import (
    default_metric,
    primary_key,
    primary_metrics,
)
from mmmtl.evaluation.single_task import (
    check_single_task,
    read_single_task,
)
from mmmtl.registry import EVALUATOR, METRICS, build_in_scope
from mmmtl.structures import merge_unique
from mmmtl.tasks import TASKS, check_tasks


@EVALUATOR.register_module()
class MultiTaskEvaluator(Evaluator):
    """Runs every metric; adds ``delta_m`` if given single-task results.

    Convention:
        ``delta_m`` is the mean relative gain over the single-task results in
        percent, of each task's primary metric: that of its row in the table
        of tasks (semseg/mIoU, depth/rmse, normals/mean_err, edge/odsF and
        not seism_odsF, saliency/maxF, human_parts/mIoU, mae of the heat
        maps), or what ``primary`` says.
        Single-task results are needed for exactly the tasks whose primary
        metric is measured.
    """

    def __init__(
        self,
        metrics: Mapping[str, Any]
        | BaseMetric
        | Sequence[Mapping[str, Any] | BaseMetric]
        | None = None,
        *,
        tasks: Sequence[str] | None = None,
        single_task: Mapping[str, float] | str | Path | None = None,
        primary: Mapping[str, str] | None = None,
    ) -> None:
        """Build the metrics and check that their names differ.

        Args:
            metrics: One metric, or several, or their configs.
            tasks: Measure exactly these: a task that none of ``metrics``
                measures gets the metric of its row, and metrics of other
                tasks are left out. None measures what ``metrics`` do.
            single_task: Primary metric of a single-task model by task, in
                the metric's unit (mIoU in percent), for ``delta_m``; or the
                JSON file that ``tools/analysis_tools/single_task.py`` has
                written.
            primary: Name of a metric by task (``dict(saliency='mIoU')``),
                for tasks that this recipe compares by another metric than
                the literature at large. A task that is not measured at all
                may be named.

        Raises:
            ValueError: If a task is unknown, two metrics report the same
                name, or ``single_task`` names other tasks than are measured,
                holds a value that is not positive, or its file cannot be
                used.
        """
        if isinstance(metrics, (Mapping, BaseMetric)):
            metrics = [metrics]
        built = [_build(metric) for metric in metrics or ()]
        if tasks is not None:
            built = _measure_exactly(check_tasks(tasks), built)
        super().__init__(built)
        names = merge_unique(
            *(
                dict.fromkeys(f'{m.prefix}/{name}' for name in m.reports)
                for m in self.metrics
                if isinstance(m, BaseTaskMetric)
            )
        )
        self.primary = dict(primary or {})
        primary_metrics(self.primary)  # an unknown name ends here
        if isinstance(single_task, (str, Path)):
            single_task = read_single_task(single_task, self.primary)
        self.single_task = check_single_task(single_task)
        # Names of other libraries' metrics are known only after a run.
        ours = all(isinstance(m, BaseTaskMetric) for m in self.metrics)
        if self.single_task is not None and ours:
            self._check_tasks(self.single_task, names)

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute all metrics.

        Args:
            size: Number of samples of the data set.

        Returns:
            Value by name.

        Raises:
            ValueError: If ``single_task`` names other tasks than were
                measured.
        """
        metrics = super().evaluate(size)
        if self.single_task is None:
            return metrics
        return add_delta_m(metrics, self.single_task, self.primary)

    def _check_tasks(
        self, single_task: Mapping[str, float], names: Container[str]
    ) -> None:
        """Refuse, before a run, tasks that would be missing after it."""
        keys = {t: primary_key(t, self.primary) for t in TASKS}
        wrong = [
            key
            for task, key in keys.items()
            if (task in single_task) != (key in names)
        ]
        if wrong:
            raise ValueError(
                f'single_task has {sorted(single_task)}, which differs from '
                f'what is measured in {wrong}: delta_m is the mean over all '
                'tasks, add the value or the metric, or take it out'
            )


def _build(metric: Mapping[str, Any] | BaseMetric) -> BaseMetric:
    if isinstance(metric, BaseMetric):
        return metric
    return build_in_scope(METRICS, dict(metric))


def _measure_exactly(
    tasks: Sequence[str], metrics: Sequence[BaseMetric]
) -> list[BaseMetric]:
    """Leave out metrics of other tasks, add those that are missing."""
    # A metric of another library is known by its prefix alone.
    of_task = [getattr(m, 'task', m.prefix) for m in metrics]
    kept = [
        metric
        for metric, task in zip(metrics, of_task, strict=True)
        if task in tasks or task not in TASKS
    ]
    missing = [task for task in tasks if task not in of_task]
    return kept + [_build(default_metric(task)) for task in missing]
