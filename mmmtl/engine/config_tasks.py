"""The tasks of a config: named once, completed everywhere.

A config names its tasks in its training data sets. Where head, neck, further
data sets and evaluators leave theirs out, they are written here, with the
losses and metrics of the table where the recipe has none. What a config does
write of a task stays as it is, and changes that task alone.

A config that leaves a process (a dump, a checkpoint, a results file) is
complete. It also holds the rows of all its tasks that are not built in, so
that whoever reads it needs nothing else; and ``completed_tasks``, a list of
the head's tasks, because mmengine sorts the keys of what it dumps, and the
order of tasks has a meaning.

``loss_weighting`` is not written: the segmentor gives it the head's tasks
and weights, and a second copy of a weight would hide a change of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmmtl.errors import UserError
from mmmtl.evaluation.primary_metrics import default_metric
from mmmtl.registry import (
    DATASETS,
    EVALUATOR,
    METRICS,
    MODELS,
    build_in_scope,
    class_of,
    takes_argument,
)
from mmmtl.tasks import TASKS, get_task, new_rows, register_tasks

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATED = ('val', 'test')


def name_head_tasks(config: Config) -> tuple[str, ...] | None:
    """Give a head those tasks of the training data sets that it leaves out.

    What the recipe says of each task is read from ``task_outputs``, a
    variable of the config: ``{task: settings}``, of more tasks than are used
    if it likes. What the head says of a task is merged into that, as mmengine
    merges a config into its base.

    Args:
        config: Changed in place.

    Returns:
        The tasks that the head alone names; None if it left none out.
    """
    head = _head(config)
    _restore_order(head, _completed(config))
    if not takes_argument(MODELS, head, 'tasks'):
        return None
    written, trained = list(head.get('tasks') or ()), _training_tasks(config)
    known = {*written, *_auxiliary(config), *_completed(config)}
    is_complete = 'tasks' in head and known.issuperset(trained)
    own = tuple(task for task in written if task not in trained)
    _write_head_tasks(config, written if is_complete else (*trained, *own))
    return None if is_complete else own


def complete_tasks(
    config: Config, *, own: tuple[str, ...] | None = None
) -> None:
    """Write what a config leaves out about its tasks.

    ``new_tasks`` holds the rows that the config brings; they are in the table
    afterwards, and ``new_tasks`` also holds those that a module of
    ``custom_imports`` has added.

    Args:
        config: Changed in place. A second time changes nothing.
        own: Tasks that the head has beside those of the data sets; None
            asks :func:`name_head_tasks`.

    Raises:
        ValueError: If a row cannot be added, or a task is unknown.
    """
    register_tasks(_plain(config.get('new_tasks') or {}))
    if own is None:
        own = name_head_tasks(config)
    is_derived = own is not None
    if is_derived:
        _write_head_tasks(config, (*_training_tasks(config), *own))
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
        parts = loader['datasets']  # a list, or by name
        for part in parts.values() if isinstance(parts, Mapping) else parts:
            yield from data_sets(part)
    elif isinstance(loader.get('dataset'), Mapping):
        yield from data_sets(loader['dataset'])
    else:
        yield loader


def test_dataset_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of the data set that is tested on, unwrapped.

    Args:
        config: A config.

    Returns:
        The innermost ``dataset`` of ``test_dataloader``, the first of
        several; empty if none.
    """
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset['dataset']
    return next(data_sets(dataset)) if 'datasets' in dataset else dataset


def necks_of(config: Mapping[str, Any]) -> list[Any]:
    """Return the configs of a model's necks: none, one, or several."""
    neck = (config.get('model') or {}).get('neck') or []
    return [neck] if isinstance(neck, Mapping) else list(neck)


def takes_tasks_from_the_top(config: Mapping[str, Any] | Config) -> bool:
    """Say whether a training data set leaves its tasks to ``tasks``."""
    return any(
        not {'tasks', 'labels'} & node.keys()
        and takes_argument(DATASETS, node, 'tasks')
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


def _write_head_tasks(config: Config, tasks: Iterable[str]) -> None:
    """Write the tasks of the head, in this order, without auxiliary ones."""
    head, auxiliary = _head(config), list(_auxiliary(config))
    main = [task for task in tasks if task not in auxiliary]
    head['tasks'] = {task: _head_settings(config, task) for task in main}
    config.completed_tasks = [*main, *auxiliary]


def _head_settings(config: Config, task: str) -> dict[str, Any]:
    """Return what recipe and head say of a task, the head last."""
    known = _head(config).get('tasks') or {}
    if task in known and task in _completed(config):
        return _plain(known[task])  # the recipe is in it already
    recipe = (config.get('task_outputs') or {}).get(task, {})
    merged = Config({task: _plain(recipe)})
    try:
        merged.merge_from_dict(
            {task: _plain(known.get(task, {}))}, allow_list_keys=False
        )
    except TypeError as error:
        raise UserError(f'model.decode_head.tasks: {error}') from error
    return merged.to_dict()[task]


def _restore_order(head: Any, order: Sequence[str]) -> None:
    """Bring the tasks of a head into an order; others come last."""
    for place in ('tasks', 'auxiliary_tasks'):
        found = head.get(place) or {}
        names = [task for task in order if task in found]
        if names:
            head[place] = {task: found[task] for task in (*names, *found)}


def _completed(config: Config) -> Sequence[str]:
    """Return the tasks of a head that was completed, in its order."""
    return config.get('completed_tasks') or ()


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
            elif takes_argument(DATASETS, node, 'tasks'):
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
            and takes_argument(MODELS, neck, 'tasks')
        ):
            neck['tasks'] = list(head['tasks'])


def _class_count(config: Config, task: str) -> dict[str, int]:
    """Return ``out_channels`` of a class map, if a data set lists classes."""
    row = get_task(task)
    if not row.kind.has_classes:
        return {}
    for loader in LOADERS:
        for node in data_sets(config.get(loader) or {}):
            kind = class_of(DATASETS, node)
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
            metrics = _keep_metrics(evaluator['metrics'], tasks, key)
            config[key] = {**evaluator, 'metrics': metrics}
    elif takes_argument(EVALUATOR, evaluator, 'metrics'):
        metrics = [_plain(default_metric(task)) for task in tasks]
        config[key] = {**evaluator, 'metrics': metrics}


def _keep_metrics(metrics: Any, tasks: Sequence[str], place: str) -> list[Any]:
    """Take out metrics of other tasks, and say so."""
    metrics = [metrics] if isinstance(metrics, Mapping) else list(metrics)
    owners = [_task_of(metric) for metric in metrics]
    out = sorted({task for task in owners if task and task not in tasks})
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


def _task_of(metric: Mapping[str, Any]) -> str | None:
    """Return the task that a metric measures, None if it does not say."""
    if 'task' in metric:
        return metric['task']
    # What it is when nothing is said is known to the class only.
    kind = class_of(METRICS, metric)
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


def _plain(value: Any) -> Any:
    """Return a config's value as plain dictionaries, copied."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    return value
