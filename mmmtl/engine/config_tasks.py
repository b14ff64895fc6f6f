"""The tasks of a config: named once, completed everywhere.

A config names its tasks in its training data sets. Where head, neck, further
data sets and evaluators leave theirs out, they are written here, with the
losses and metrics of the table where the recipe has none. What a config does
write stays as it is: a head that names its tasks has exactly those.

A config that leaves a process (a dump, a checkpoint, a results file) is
complete. It also holds the rows of all its tasks that are not built in, so
that whoever reads it needs nothing else.

``loss_weighting`` is not written: the segmentor gives it the head's tasks
and weights, and a second copy of a weight would hide a change of the first.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import Registry

from mmmtl.registry import (
    DATASETS,
    EVALUATOR,
    METRICS,
    MODELS,
    build_in_scope,
)
from mmmtl.tasks import TASKS, get_task, new_rows, register_tasks

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATED = ('val', 'test')


def name_head_tasks(config: Config) -> bool:
    """Give a head that names no tasks those of the training data sets.

    What the recipe says of each task is read from ``task_outputs``, a
    variable of the config: ``{task: settings}``, of more tasks than are used
    if it likes.

    Args:
        config: Changed in place.

    Returns:
        Whether the head named none.
    """
    head = _head(config)
    if 'tasks' in head or not _takes(MODELS, head, 'tasks'):
        return False
    head['tasks'] = {}
    _follow_data_sets(config)
    return True


def complete_tasks(config: Config, *, is_derived: bool | None = None) -> None:
    """Write what a config leaves out about its tasks.

    ``new_tasks`` holds the rows that the config brings; they are in the table
    afterwards, and ``new_tasks`` also holds those that a module of
    ``custom_imports`` has added.

    Args:
        config: Changed in place. A second time changes nothing.
        is_derived: Whether the head's tasks follow the data sets; None asks
            :func:`name_head_tasks`.

    Raises:
        ValueError: If a row cannot be added, or a task is unknown.
    """
    register_tasks(_plain(config.get('new_tasks') or {}))
    if is_derived is None:
        is_derived = name_head_tasks(config)
    if is_derived:
        _follow_data_sets(config)
    _name_data_set_tasks(config, trim=is_derived)
    _complete_head(config)
    for part in EVALUATED:
        _complete_evaluator(config, part, trim=is_derived)
    rows = new_rows(task for task in _used_tasks(config) if task in TASKS)
    if rows:
        config.new_tasks = {**(config.get('new_tasks') or {}), **rows}


def data_sets(loader: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the configs of the data sets of a loader, without wrappers.

    Args:
        loader: Config of a data loader, or of a data set.
    """
    if 'datasets' in loader:
        for part in loader['datasets']:
            yield from data_sets(part)
    elif isinstance(loader.get('dataset'), Mapping):
        yield from data_sets(loader['dataset'])
    else:
        yield loader


def necks_of(config: Mapping[str, Any]) -> list[Any]:
    """Return the configs of a model's necks: none, one, or several."""
    neck = (config.get('model') or {}).get('neck') or []
    return [neck] if isinstance(neck, Mapping) else list(neck)


def takes_tasks_from_the_top(config: Mapping[str, Any] | Config) -> bool:
    """Say whether a training data set leaves its tasks to ``tasks``."""
    return any(
        not {'tasks', 'labels'} & node.keys()
        and _takes(DATASETS, node, 'tasks')
        for node in data_sets(config.get('train_dataloader') or {})
    )


def _training_tasks(config: Config) -> list[str]:
    """Return the union of the training data sets' tasks.

    The order is that of the variable ``tasks``, as far as there is one, then
    that of the data sets.
    """
    found: dict[str, None] = {}
    for node in data_sets(config.get('train_dataloader') or {}):
        found.update(dict.fromkeys(_named_tasks(config, node)))
    first = [task for task in config.get('tasks') or () if task in found]
    return list(dict.fromkeys([*first, *found]))


def _named_tasks(config: Config, node: Mapping[str, Any]) -> Sequence[str]:
    """Return the tasks of a training data set, its own or the config's."""
    if 'tasks' in node:
        return node['tasks'] or ()
    # A data set that is told where each task's labels are.
    if isinstance(node.get('labels'), Mapping):
        return list(node['labels'])
    return [*(config.get('tasks') or ()), *_auxiliary(config)]


def _follow_data_sets(config: Config) -> None:
    """Make the head's tasks those of the training data sets."""
    head, outputs = _head(config), config.get('task_outputs') or {}
    known, auxiliary = head['tasks'], _auxiliary(config)
    head['tasks'] = {
        # A copy: the variable of the config stays as it was written.
        task: _plain(known.get(task, outputs.get(task, {})))
        for task in _training_tasks(config)
        if task not in auxiliary
    }


def _name_data_set_tasks(config: Config, *, trim: bool) -> None:
    """Write the tasks of data sets that name none.

    Args:
        config: Changed in place.
        trim: Data sets that are evaluated on read no labels of tasks that
            the head does not predict.
    """
    predicted = list(_head(config).get('tasks') or ())
    for loader in LOADERS:
        training = loader == 'train_dataloader'
        for node in data_sets(config.get(loader) or {}):
            if 'tasks' in node:
                kept = [t for t in node['tasks'] or () if t in predicted]
                if trim and kept and not training:
                    node['tasks'] = kept
            elif _takes(DATASETS, node, 'tasks'):
                named = _named_tasks(config, node) if training else predicted
                if named:
                    node['tasks'] = list(named)


def _complete_head(config: Config) -> None:
    """Write losses and numbers of classes, and the tasks of the neck."""
    head = _head(config)
    trains = bool(config.get('train_dataloader'))
    for place in ('tasks', 'auxiliary_tasks'):
        for task, output in (head.get(place) or {}).items():
            if trains and 'loss' not in output:
                output['loss'] = _plain(get_task(task).loss)
            if 'out_channels' not in output:
                output.update(_class_count(config, task))
    for neck in necks_of(config):
        if (
            head.get('tasks')
            and 'tasks' not in neck
            and _takes(MODELS, neck, 'tasks')
        ):
            neck['tasks'] = list(head['tasks'])


def _class_count(config: Config, task: str) -> dict[str, int]:
    """Return ``out_channels`` of a class map, if a data set lists classes."""
    row = get_task(task)
    if row.kind.out_channels(None):
        return {}
    for loader in LOADERS:
        for node in data_sets(config.get(loader) or {}):
            kind = _class_of(DATASETS, node)
            if kind is None or not issubclass(kind, BaseDataset):
                continue
            meta = kind._load_metainfo(_plain(node.get('metainfo') or {}))
            # A FolderDataset has its lists of classes by task.
            stated = node.get('classes')
            stated = stated if isinstance(stated, Mapping) else {}
            names = stated.get(task) or meta.get(row.classes_key)
            # A string names a file that is missing; the data set says so.
            if names and not isinstance(names, str):
                return {'out_channels': row.kind.out_channels(len(names))[0]}
    return {}


def _complete_evaluator(config: Config, part: str, *, trim: bool) -> None:
    """Write the metrics that an evaluator leaves out.

    Args:
        config: Changed in place.
        part: ``val`` or ``test``.
        trim: Take out metrics of tasks that the head does not predict.
    """
    tasks = list(_head(config).get('tasks') or ())
    if not tasks or not config.get(f'{part}_dataloader'):
        return
    key = f'{part}_evaluator'
    evaluator = config.get(key) or {'type': 'MultiTaskEvaluator'}
    if not isinstance(evaluator, Mapping):  # a list of metrics
        if trim:
            config[key] = _keep_metrics(evaluator, tasks, key)
    elif 'metrics' in evaluator:
        if trim:
            evaluator['metrics'] = _keep_metrics(
                evaluator['metrics'], tasks, key
            )
    elif _takes(EVALUATOR, evaluator, 'metrics'):
        metrics = [_default_metric(task) for task in tasks]
        config[key] = {**evaluator, 'metrics': metrics}


def _keep_metrics(metrics: Any, tasks: Sequence[str], place: str) -> list[Any]:
    """Take out metrics of other tasks, and say so."""
    metrics = [metrics] if isinstance(metrics, Mapping) else list(metrics)
    owners = [_task_of(metric) for metric in metrics]
    out = sorted({task for task in owners if task not in (None, *tasks)})
    if out:
        print_log(
            f'{place}: the metrics of {out} are left out, the model has '
            f'{list(tasks)}',
            logger='current',
        )
    return [
        metric
        for metric, owner in zip(metrics, owners, strict=True)
        if owner not in out
    ]


def _default_metric(task: str) -> dict[str, Any]:
    """Return the config of the metric of a task without one."""
    metric = _plain(get_task(task).metric)
    if _takes(METRICS, metric, 'task'):
        metric['task'] = task
    return metric


def _task_of(metric: Mapping[str, Any]) -> str | None:
    """Return the task that a metric measures, None if it does not say."""
    if 'task' in metric:
        return metric['task']
    # What it is when nothing is said is known to the class only.
    kind = _class_of(METRICS, metric)
    if kind is None or not hasattr(kind, 'reports'):
        return None
    return getattr(build_in_scope(METRICS, dict(metric)), 'task', None)


def _used_tasks(config: Config) -> Iterator[str]:
    """Yield the tasks of head and data sets; some come more than once."""
    yield from _head(config).get('tasks') or ()
    yield from _auxiliary(config)
    for loader in LOADERS:
        for node in data_sets(config.get(loader) or {}):
            yield from node.get('tasks') or ()


def _head(config: Config) -> Any:
    """Return the config of the head; empty if the model has none."""
    head = (config.get('model') or {}).get('decode_head')
    return head if isinstance(head, Mapping) else {}


def _auxiliary(config: Config) -> Iterable[str]:
    return _head(config).get('auxiliary_tasks') or ()


def _takes(
    registry: Registry, config: Mapping[str, Any], argument: str
) -> bool:
    """Say whether the class of a config has an argument of this name."""
    kind = _class_of(registry, config)
    for base in kind.__mro__[:-1] if kind else ():
        if '__init__' not in vars(base):
            continue
        taken = inspect.signature(base.__init__).parameters
        if argument in taken:
            return True
        # A class from outside may hand the rest to its base.
        if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
            return False
    return False


def _class_of(registry: Registry, config: Mapping[str, Any]) -> type | None:
    """Return the class of a config; unknown names are its builder's."""
    kind = config.get('type')
    if isinstance(kind, str):
        kind = registry.get(kind)
    return kind if isinstance(kind, type) else None


def _plain(value: Any) -> Any:
    """Return a config's value as plain dictionaries, copied."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    return value
