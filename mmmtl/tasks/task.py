"""The table of tasks: a name, a kind, and its settings.

Anybody may add a row: from Python by :func:`register_task` in a module that
a config names in ``custom_imports``, or from a config alone by
``new_tasks = dict(cracks=dict(kind='binary'), ...)``. There is one table per
process, as there is one of each of mmengine's registries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from types import MappingProxyType
from typing import Any

from torch import nn

from mmmtl.errors import did_you_mean
from mmmtl.tasks.kinds import KINDS, Kind

# What a row may say beside the settings of its kind.
_OVERRIDES = ('loss', 'metric', 'primary', 'painter')


@dataclass(frozen=True)
class Task:
    """One row of the table.

    Attributes:
        name: Name in configs, losses and metrics.
        kind: What the map says.
        kind_name: What configs call the kind.
        gt_field: Field of the label on a data sample.
        pred_field: Field of the prediction on a data sample.
        loss: Config of the loss that a recipe without one gets.
        metric: Config of the metric that a recipe without one gets.
        primary: Name of the figure that the task is compared by, its kind's
            if the row names none. :func:`mmmtl.evaluation.primary_metric`
            knows whether it is an error, and which it is where the row's own
            metric lacks it.
        painter: Name of the painter of its pictures.
        classes_key: Key of its list of classes in a data set's metainfo.
        palette_key: Key of their colours.
        settings: The row as a config writes it.
    """

    name: str
    kind: Kind
    kind_name: str
    gt_field: str
    pred_field: str
    loss: Mapping[str, Any]
    metric: Mapping[str, Any]
    primary: str
    painter: str
    classes_key: str
    palette_key: str
    settings: Mapping[str, Any]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what adds the row where it is read.

        A process that was spawned has the built-in rows only. The kind goes
        along as a class: reading it imports the module that registers it.
        """
        return _read, (self.name, type(self.kind), dict(self.settings))


_TABLE: dict[str, Task] = {}
_FIELDS: dict[str, Task] = {}

#: Every known task by name; add to it with :func:`register_task`.
TASKS: Mapping[str, Task] = MappingProxyType(_TABLE)
#: Every field of a data sample that holds a label or a prediction.
FIELDS: Mapping[str, Task] = MappingProxyType(_FIELDS)


def register_task(name: str, *, kind: str, **settings: Any) -> Task:
    """Add a row to the table.

    Args:
        name: An ASCII identifier without "loss" in it: mmengine adds up what
            has "loss" in its name.
        kind: Name of a kind.
        **settings: Settings of the kind (``unit`` of a ``scalar``), and what
            the row has in place of its kind's: ``loss`` and ``metric`` (a
            config), ``primary`` (name of a figure of the metric),
            ``painter`` (a name).

    Returns:
        The row; the one that is there already if it is the same.

    Raises:
        ValueError: If the name cannot be used, is another task's, or the
            kind or a setting is unknown.
    """
    row = make_task(name, kind=kind, **settings)
    if name in _TABLE:
        known = dict(_TABLE[name].settings)
        if known != dict(row.settings):
            raise ValueError(
                f'task {name!r} is known as {known}, now '
                f'{dict(row.settings)}: choose another name'
            )
        return _TABLE[name]
    for field in (row.gt_field, row.pred_field):
        if field in _FIELDS:
            raise ValueError(
                f'task name {name!r}: {field} is a field of task '
                f'{_FIELDS[field].name!r}: choose another name'
            )
    return _add(row)


def make_task(name: str, *, kind: str, **settings: Any) -> Task:
    """Return a row without adding it to the table.

    Args:
        name: See :func:`register_task`.
        kind: Name of a kind.
        **settings: See :func:`register_task`.

    Raises:
        ValueError: If the name cannot be used, or the kind or a setting is
            unknown.
    """
    _check_name(name)
    return _make(name, kind, settings)


def register_tasks(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Add several rows.

    Args:
        rows: Settings by name, ``kind`` among them, as ``new_tasks`` of a
            config has them.

    Raises:
        ValueError: As :func:`register_task`, or a row has no kind.
    """
    for name, row in rows.items():
        if not isinstance(row, Mapping) or 'kind' not in row:
            raise ValueError(
                f'new_tasks[{name!r}]={row!r}: give a dictionary such as '
                "dict(kind='binary')"
            )
        register_task(name, **row)


def new_rows(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of tasks that are not built in, as configs write them.

    Args:
        names: Task names.
    """
    return {
        name: dict(TASKS[name].settings)
        for name in names
        if name not in _BUILT_IN
    }


def is_built_in(name: str) -> bool:
    """Return whether a task is known without being registered."""
    return name in _BUILT_IN


def get_task(name: str) -> Task:
    """Return the row of a task.

    Raises:
        ValueError: If no row has this name; the message names the closest.
    """
    if name not in TASKS:
        raise ValueError(
            f'unknown task {name!r}: {did_you_mean(name, TASKS)}; a task of '
            "your own is added by new_tasks = dict(NAME=dict(kind='...')) in "
            'the config'
        )
    return TASKS[name]


def check_tasks(tasks: Iterable[str]) -> tuple[str, ...]:
    """Return the tasks as a tuple after checking every name.

    Args:
        tasks: Task names, in the order of the config.

    Raises:
        ValueError: If the list is empty, holds an unknown task or a task
            twice.
    """
    if isinstance(tasks, str):
        raise ValueError(f"tasks must be a list of names, found '{tasks}'")
    names = tuple(tasks)
    if not names:
        raise ValueError(f'tasks is empty: name at least one of {list(TASKS)}')
    for name in names:
        get_task(name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'tasks holds {twice} more than once: {list(names)}')
    return names


def _read(
    name: str, kind_class: type[Kind], settings: Mapping[str, Any]
) -> Task:
    """Return a pickled row; see :meth:`Task.__reduce__`."""
    del kind_class
    return (
        _TABLE[name] if name in _BUILT_IN else register_task(name, **settings)
    )


def _check_name(name: str) -> None:
    usable = isinstance(name, str) and name.isascii() and name.isidentifier()
    usable = usable and not iskeyword(name)
    if not usable or 'loss' in name or name.startswith('_'):
        raise ValueError(
            f'task name {name!r}: give an ASCII identifier without "loss" in '
            'it that is no word of Python, such as cracks'
        )
    # Heads keep a module per task by name.
    if hasattr(nn.ModuleDict(), name) or hasattr(nn.ParameterDict(), name):
        raise ValueError(
            f'task name {name!r} is an attribute of PyTorch modules: choose '
            f'another, such as {name}_map'
        )


def _make(
    name: str,
    kind_name: str,
    settings: Mapping[str, Any],
    *,
    gt_field: str | None = None,
    pred_field: str | None = None,
) -> Task:
    if not isinstance(kind_name, str) or kind_name not in KINDS:
        raise ValueError(
            f'task {name!r}: unknown kind {kind_name!r}: '
            f'{did_you_mean(str(kind_name), KINDS)}; one of your own comes '
            'with its module, which custom_imports of the config names'
        )
    own = {key: settings[key] for key in _OVERRIDES if key in settings}
    rest = {key: value for key, value in settings.items() if key not in own}
    kind_class = KINDS[kind_name]
    known = [field.name for field in dataclasses.fields(kind_class)]
    for key in rest:
        if key not in known:
            raise ValueError(
                f'task {name!r}: kind {kind_name!r} has no setting {key!r}: '
                f'{did_you_mean(key, (*known, *_OVERRIDES))}'
            )
    kind = kind_class(**rest)
    prefix = '' if name == 'semseg' else f'{name}_'  # mmseg's own keys
    return Task(
        name=name,
        kind=kind,
        kind_name=kind_name,
        gt_field=gt_field or f'gt_{name}',
        pred_field=pred_field or f'pred_{name}',
        loss=own.get('loss', kind.loss),
        metric=own.get('metric', kind.metric),
        primary=own.get('primary', kind.primary.name),
        painter=own.get('painter', kind.painter),
        classes_key=f'{prefix}classes',
        palette_key=f'{prefix}palette',
        settings={'kind': kind_name, **settings},
    )


def _add(row: Task) -> Task:
    _TABLE[row.name] = row
    _FIELDS[row.gt_field] = _FIELDS[row.pred_field] = row
    return row


def _built_in(
    name: str, kind: str, fields: str | None = None, **settings: Any
) -> None:
    """Add a row; ``fields`` where mmseg has names of its own for them."""
    gt, pred = (f'gt_{fields}', f'pred_{fields}') if fields else (None, None)
    _add(_make(name, kind, settings, gt_field=gt, pred_field=pred))


# Without mean and spread: the published recipes take the output as it is.
_SHARE = dict(
    unit='share of the full range',
    low=0.0,
    high=1.0,
    loss={'type': 'HeatMapL1Loss'},
    metric={'type': 'HeatMapMetric'},
)
_built_in('semseg', 'classes', 'sem_seg')
_built_in('depth', 'depth', 'depth_map')
_built_in('normals', 'normals')
_built_in(
    'edge',
    'binary',
    'edge_map',
    # The weight of MTI-Net and SCA-MTL.
    loss={'type': 'BalancedEdgeLoss', 'pos_weight': 0.95},
    # Berkeley's and PASCAL-Context's tolerance; NYUDv2's recipes give 0.011.
    metric={'type': 'BoundaryMetric', 'max_dist': 0.0075},
    primary='odsF',
)
_built_in(
    'saliency',
    'binary',
    loss={'type': 'BalancedSaliencyLoss'},
    metric={'type': 'SaliencyMetric'},
    primary='maxF',
)
_built_in('human_parts', 'classes', painter='human_parts')
_built_in('reshading', 'scalar', painter='grey', **_SHARE)
_built_in('keypoints2d', 'scalar', **_SHARE)
_built_in('edges2d', 'scalar', **_SHARE)
_BUILT_IN = frozenset(_TABLE)
