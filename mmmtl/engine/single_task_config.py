"""From the config of a multi-task model to those of its single tasks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.registry import DefaultScope

from mmmtl.engine.config import walk_dicts
from mmmtl.engine.config_tasks import necks_of
from mmmtl.errors import UserError
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.evaluation.multi_task_evaluator import MultiTaskEvaluator
from mmmtl.evaluation.primary_metrics import primary_key
from mmmtl.registry import MODELS, SCOPE

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
    names = set().union(*map(_reported, _measured(config.test_evaluator)))
    primary = primary_changes(config)
    measured = [t for t in tasks if primary_key(t, primary) in names]
    return measured, [task for task in tasks if task not in measured]


def primary_changes(config: Config) -> dict[str, str]:
    """Return the tasks that the test evaluator compares by another metric.

    Args:
        config: Of a multi-task model with a test evaluator.
    """
    return dict(_primary(config.test_evaluator))


def plain_head_config(config: Config) -> Config:
    """Replace a method's neck and head by a plain head per task.

    The result is the single-task model that the authors of MTI-Net and
    SCA-MTL compare with, HRNet with its own head: all levels resized to the
    finest and concatenated (270 channels of HRNet18), a 1x1 convolution to
    the same width, BatchNorm, ReLU and a 1x1 convolution. Their first
    convolution has a bias, which the norm cancels; here it has none.

    Args:
        config: Of a multi-task model whose neck, or head if there is none,
            reads the backbone's levels (``in_channels``).

    Returns:
        A new config; auxiliary tasks are left out.
    """
    plain = copy.deepcopy(config)
    old = plain.model.pop('decode_head')
    # Of several necks, the last one is the method's.
    *before, reader = necks_of(plain) or [old]
    levels = list(reader['in_channels'])
    plain.model.pop('neck', None)
    if before:
        plain.model.neck = before
    head = dict(
        type='FCNHead',
        in_channels=levels,
        in_index=list(range(len(levels))),
        input_transform='resize_concat',
        channels=sum(levels),
        num_convs=1,
        kernel_size=1,
        concat_input=False,
        dropout_ratio=0.0,
        norm_cfg=old.get('norm_cfg') or dict(type='BN'),
    )
    tasks = old['tasks']
    plain.model.decode_head = dict(
        type='PerTaskHeads',
        in_channels=levels,
        tasks=tasks,
        heads=dict.fromkeys(tasks, head),
    )
    return plain


def single_task_config(config: Config, task: str) -> Config:
    """Reduce a config to one task; everything else stays as it is.

    Convention:
        Head, neck, data sets and metrics keep this task only. Its loss keeps
        its weight: the learning rate was chosen with it.

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
    for neck in necks_of(single):
        if 'tasks' in neck:
            neck.tasks = [task]
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
        f'{reason}; give --plain-head for a model with a plain head in its '
        'place, or give the tool a config of configs/baselines/fcn-multi_*, '
        'or name finished results with --results TASK=FILE.json'
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
        config
        for config in _metrics(evaluator)
        for metric in _measured([config])
        if any(name.startswith(f'{task}/') for name in _reported(metric))
    ]
    single: dict[str, Any] = dict(type='MultiTaskEvaluator', metrics=kept)
    if not kept and task in _tasks(evaluator):
        single = dict(type='MultiTaskEvaluator', tasks=[task])
    primary = {k: v for k, v in _primary(evaluator).items() if k == task}
    return {**single, 'primary': primary} if primary else single


def _tasks(evaluator: Any) -> Sequence[str]:
    """Return the tasks that an evaluator names, as it may without metrics."""
    named = evaluator.get('tasks') if isinstance(evaluator, Mapping) else None
    return list(named or ())


def _primary(evaluator: Any) -> Mapping[str, str]:
    if not isinstance(evaluator, Mapping):
        return {}
    return evaluator.get('primary') or {}


def _metrics(evaluator: Any) -> Iterable[Mapping[str, Any]]:
    """Return the configs of the metrics, however they are written."""
    if 'metrics' in evaluator or _tasks(evaluator):
        evaluator = evaluator.get('metrics') or []
    return [evaluator] if isinstance(evaluator, Mapping) else evaluator


def _measured(evaluator: Any) -> Sequence[BaseMetric]:
    """Return the metrics that an evaluator builds, however it is written."""
    return MultiTaskEvaluator(
        list(_metrics(evaluator)), tasks=_tasks(evaluator) or None
    ).metrics


def _reported(metric: BaseMetric) -> set[str]:
    if isinstance(metric, BaseTaskMetric):
        return {f'{metric.prefix}/{name}' for name in metric.reports}
    # Of another library: its names are known only after a run.
    return {f'{metric.prefix}/mIoU'} if metric.prefix else set()
