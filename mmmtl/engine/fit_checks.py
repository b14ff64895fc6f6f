"""Checks that config, data set and model fit together, before a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.fileio import list_from_file
from mmengine.registry import DefaultScope
from torch import nn

from mmmtl.engine.checkpoint_loading import bare_model
from mmmtl.engine.config_paths import walk_dicts
from mmmtl.engine.user_errors import UserError
from mmmtl.registry import DATASETS, SCOPE
from mmmtl.tasks import TASK_SPECS

NEEDED = {
    'train': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    'test': ('test_dataloader', 'test_cfg', 'test_evaluator'),
}


def check_sections(config: Config, purpose: str) -> None:
    """Refuse a config that lacks what a tool needs.

    Args:
        config: The config.
        purpose: ``train`` or ``test``.

    Raises:
        UserError: Names what is missing.
    """
    absent = [key for key in NEEDED[purpose] if not config.get(key)]
    if absent:
        raise UserError(
            f'the config has no {" and no ".join(absent)}: it cannot '
            f'{purpose}; inherit them from configs/_base_ (datasets, '
            'schedules)'
        )


def check_class_counts(config: Config, model: nn.Module) -> None:
    """Refuse a model with another number of classes than its data sets.

    Args:
        config: Its data loaders are looked at.
        model: The built model.

    Raises:
        UserError: Names the task and the two numbers, or the list of classes
            that is missing.
    """
    head = getattr(bare_model(model), 'decode_head', None)
    outputs = {
        **getattr(head, 'outputs', {}),
        **getattr(head, 'auxiliary_outputs', {}),
    }
    for key, metainfo, tasks in _data_sets(config):
        for task in tasks:
            if task not in outputs or TASK_SPECS[task].decode != 'argmax':
                continue
            names = metainfo.get(
                'classes' if task == 'semseg' else f'{task}_classes'
            )
            channels = outputs[task].channels
            if isinstance(names, str):
                names = _read_names(names, key)
            if names is not None and len(names) != channels:
                main = task in head.outputs
                place = 'tasks' if main else 'auxiliary_tasks'
                raise UserError(
                    f'{key} has {len(names)} classes of {task}, the model '
                    f'{channels} channels: set model.decode_head.{place}.'
                    f'{task}.out_channels={len(names)}, or the classes in '
                    f'{key}.metainfo'
                )


def check_training_labels(config: Config, model: nn.Module) -> None:
    """Refuse a supervised task that no training data set has labels of.

    Its loss would be zero throughout. Several data sets may each have labels
    of some tasks. Nothing is refused where a data set is not one of ours:
    what it gives is not in the config.

    Args:
        config: Its training loader is looked at.
        model: The built model.

    Raises:
        UserError: Names the tasks and where to list them.
    """
    head = getattr(bare_model(model), 'decode_head', None)
    loader = {'train_dataloader': config.get('train_dataloader') or {}}
    listed = {key: tasks for key, _, tasks in _data_sets(loader)}
    if not listed or _has_foreign_data_set(loader):
        return
    labelled = {task for tasks in listed.values() for task in tasks}
    for place in ('outputs', 'auxiliary_outputs'):
        supervised = getattr(head, place, {})
        absent = [task for task in supervised if task not in labelled]
        if absent:
            name = 'tasks' if place == 'outputs' else 'auxiliary_tasks'
            raise UserError(
                f'model.decode_head.{name} has {absent}, of which no training '
                f'data set reads labels: add them to {next(iter(listed))}.'
                f'tasks, or take them out of the head'
            )


def _read_names(path: str, key: str) -> list[str]:
    """Read a list of classes, as the data sets do where they get its path."""
    try:
        return list_from_file(path)
    except FileNotFoundError as error:
        raise UserError(
            f'{path}, which {key}.metainfo names for its classes, is missing'
        ) from error


def _data_sets(
    config: Config | Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], Sequence[str]]]:
    """Yield (place, metainfo, tasks) of our data sets in the loaders."""
    from mmmtl.datasets import BaseMultiTaskDataset

    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for key, node in walk_dicts(config.get(loader) or {}, loader):
            if 'tasks' not in node or 'type' not in node:
                continue
            kind = _data_set_class(node['type'])
            if isinstance(kind, type) and issubclass(
                kind, BaseMultiTaskDataset
            ):
                own = node.get('metainfo') or {}
                yield key, {**kind.METAINFO, **own}, node['tasks']


def _has_foreign_data_set(loader: Mapping[str, Any]) -> bool:
    """Say whether a data set, other than a wrapper of some, is not ours."""
    from mmmtl.datasets import BaseMultiTaskDataset

    for _, node in walk_dicts(loader):
        if 'type' not in node or 'dataset' in node or 'datasets' in node:
            continue
        kind = _data_set_class(node['type'])
        if isinstance(kind, type) and not issubclass(
            kind, BaseMultiTaskDataset
        ):
            return True
    return False


def _data_set_class(kind: Any) -> Any:
    """Return what a type names among the data sets; None for others."""
    if not isinstance(kind, str):
        return kind
    with DefaultScope.overwrite_default_scope(SCOPE):
        return DATASETS.get(kind)
