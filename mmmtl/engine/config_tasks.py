"""The tasks of a config: rows of its own.

A config that leaves a process (a dump, a checkpoint, a results file) holds
the rows of all its tasks that are not built in, so that whoever reads it
needs nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmmtl.tasks import TASKS, new_rows, register_tasks

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def complete_tasks(config: Config) -> None:
    """Add a config's new tasks to the table, and the table's to the config.

    ``new_tasks`` holds the rows that the config brings; afterwards it also
    holds those that a module of ``custom_imports`` has added.

    Args:
        config: Changed in place. A second time changes nothing.

    Raises:
        ValueError: If a row cannot be added.
    """
    register_tasks(_plain(config.get('new_tasks') or {}))
    rows = new_rows(task for task in _used_tasks(config) if task in TASKS)
    if rows:
        config.new_tasks = {**(config.get('new_tasks') or {}), **rows}


def _used_tasks(config: Config) -> Iterator[str]:
    """Yield the tasks of head and data sets; some come more than once."""
    head = (config.get('model') or {}).get('decode_head')
    if isinstance(head, Mapping):
        yield from head.get('tasks') or ()
        yield from head.get('auxiliary_tasks') or ()
    for loader in LOADERS:
        for node in data_sets(config.get(loader) or {}):
            yield from node.get('tasks') or ()


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


def _plain(value: Any) -> Any:
    """Return a config's value as plain dictionaries."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
