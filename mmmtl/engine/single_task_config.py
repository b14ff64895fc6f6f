"""From the config of a multi-task model to those of its single tasks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmmtl.engine.config_paths import walk_dicts
from mmmtl.engine.user_errors import UserError
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.evaluation.primary_metrics import primary_key
from mmmtl.registry import METRICS, MODELS, SCOPE, build_in_scope

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')


def comparable_tasks(config: Config) -> tuple[list[str], list[str]]:
    """Sort the tasks of a config by whether they can enter ``delta_m``.

    Args:
        config: Of a multi-task model.

    Returns:
        Tasks whose primary metric the test evaluator measures, and the
        others.

    Raises:
        UserError: If the config has no tasks or no test evaluator.
    """
    head = config.get('model', {}).get('decode_head', {})
    tasks = list(head.get('tasks', ()))
    if not tasks or not config.get('test_evaluator'):
        raise UserError(
            'the config has no model.decode_head.tasks or no test_evaluator: '
            'give the config of a multi-task model with its data set'
        )
    names = set()
    for metric in _metrics(config.test_evaluator):
        names |= _reported(metric)
    measured = [task for task in tasks if primary_key(task) in names]
    return measured, [task for task in tasks if task not in measured]


def single_task_config(config: Config, task: str) -> Config:
    """Reduce a config to one task; everything else stays as it is.

    Convention:
        Head, neck, data sets and metrics keep this task only. Weights of
        losses stay as they are: the learning rate was chosen with them.

    Args:
        config: Of a multi-task model.
        task: One of its tasks.

    Returns:
        A new config.

    Raises:
        UserError: If a part of the config does not know the task, or the
            head cannot do with one.
    """
    _check_head(config.model.decode_head)
    single = copy.deepcopy(config)
    head = single.model.decode_head
    if task not in head.tasks:
        raise UserError(
            f'model.decode_head.tasks has no {task!r}, only {list(head.tasks)}'
        )
    head.tasks = {task: head.tasks[task]}
    if head.get('heads'):
        head.heads = {k: v for k, v in head.heads.items() if k == task}
    if 'tasks' in single:
        single.tasks = [task]
    if single.model.get('neck') and 'tasks' in single.model.neck:
        single.model.neck.tasks = [task]
    for key in _LOADERS:
        for place, node in walk_dicts(single.get(key) or {}, key):
            if 'datasets' in node:
                _drop_without(node, task, place)
            elif 'tasks' in node and 'type' in node:
                _keep_task(node, task, place)
    for key in _EVALUATORS:
        if single.get(key):
            single[key] = _keep_metrics(single[key], task)
    return single


def _check_head(head: Mapping[str, Any]) -> None:
    """Refuse heads of which one task leaves no model, or another one."""
    kind = head['type']
    if isinstance(kind, str):
        with DefaultScope.overwrite_default_scope(SCOPE):
            kind = MODELS.get(kind)
    needed = getattr(kind, 'LEAST_TASKS', 1)
    auxiliary = list(head.get('auxiliary_tasks') or ())
    if needed < 2 and not auxiliary:
        return
    reason = (
        f'{head["type"]}: this head needs two tasks'
        if needed > 1
        else f'model.decode_head.auxiliary_tasks={auxiliary}: with them it is '
        'no single-task model'
    )
    raise UserError(
        f'{reason}; single-task results come from '
        'configs/baselines/fcn-single_*: give this tool their multi-task '
        'config (configs/baselines/fcn-multi_*), or name finished results '
        'with --results TASK=FILE.json'
    )


def _keep_task(node: Any, task: str, place: str) -> None:
    if task not in node['tasks']:
        raise UserError(f'{place}.tasks={list(node["tasks"])} has no {task!r}')
    node['tasks'] = [task]


def _drop_without(node: Any, task: str, place: str) -> None:
    """Leave data sets without the task out of several put together."""
    kept = [d for d in node['datasets'] if task in d.get('tasks', [task])]
    if not kept:
        raise UserError(f'none of {place}.datasets has {task!r}')
    node['datasets'] = kept


def _keep_metrics(evaluator: Any, task: str) -> dict[str, Any]:
    kept = [
        metric
        for metric in _metrics(evaluator)
        if any(name.startswith(f'{task}/') for name in _reported(metric))
    ]
    return dict(type='MultiTaskEvaluator', metrics=kept)


def _metrics(evaluator: Any) -> Iterable[Mapping[str, Any]]:
    """Return the configs of the metrics, however they are written."""
    if isinstance(evaluator, Mapping):
        if 'metrics' not in evaluator:
            return [evaluator]
        evaluator = evaluator['metrics']
    return [evaluator] if isinstance(evaluator, Mapping) else evaluator


def _reported(config: Mapping[str, Any]) -> set[str]:
    metric = build_in_scope(METRICS, dict(config))
    if isinstance(metric, BaseTaskMetric):
        return {f'{metric.prefix}/{name}' for name in metric.reports}
    # Of another library: its names are known only after a run.
    return {f'{metric.prefix}/mIoU'} if metric.prefix else set()
