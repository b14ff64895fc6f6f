"""Writes what was found in a folder as a config."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from mmmtl.datasets.inspection.inspect import Finding
from mmmtl.datasets.inspection.labels import LabelFinding
from mmmtl.errors import UserError, did_you_mean
from mmmtl.tasks import is_built_in
from mmmtl.tasks.kinds import Depth, Scalar
from mmmtl.zoo import configs_folder

# The schedules of the configs of each method; SCA-MTL's own counts epochs.
_SCHEDULES = {
    'mult': 'schedule_mult_40k.py',
    'sca': 'schedule_mult_40k.py',
}
_SCHEDULE = 'schedule_40k.py'
# Crops are not larger than this: memory grows with them.
_LARGEST = 640
_WIDTH = 79


def model_config(method: str, backbone: str) -> Path:
    """Return the file of a ready model.

    Args:
        method: Such as ``demt``.
        backbone: Such as ``swin-t``.

    Raises:
        UserError: If there is none.
    """
    folder = configs_folder() / '_base_/models'
    path = folder / f'{method}_{backbone}.py'
    if not path.is_file():
        known = [p.stem.replace('_', ' ') for p in folder.glob('*_*.py')]
        raise UserError(
            f'no model {method} {backbone}: '
            f'{did_you_mean(f"{method} {backbone}", known)}'
        )
    return path


def config_text(
    finding: Finding,
    *,
    out: Path,
    method: str,
    backbone: str,
    imports: Sequence[str] = (),
) -> str:
    """Return a config that trains on a folder.

    Args:
        finding: What was found in it.
        out: Where the config will lie: it names its bases from there.
        method: See :func:`model_config`.
        backbone: See :func:`model_config`.
        imports: Modules that the tasks' kinds are from.
    """
    base = configs_folder() / '_base_'
    schedule = _SCHEDULES.get(method, _SCHEDULE)
    bases = [
        model_config(method, backbone),
        base / 'datasets/folder.py',
        base / 'schedules' / schedule,
        base / 'default_runtime.py',
    ]
    size = '{}x{}'.format(*finding.size)
    parts = [
        f'# {method} on {finding.root}: {finding.count} images, usually '
        f'{size}.\n# Written by `mmmtl init`, which says why.',
        _assign('_base_', [_base(path, out) for path in bases]),
    ]
    if imports:
        parts.append(
            _assign('custom_imports', {'imports': list(imports)})
            + '  # found on PYTHONPATH'
        )
    rows = {
        label.task.name: _row(label)
        for label in finding.labels
        if not is_built_in(label.task.name)
    }
    if rows:
        parts.append(_assign('new_tasks', rows))
    outputs = {
        label.task.name: dict(initial_bias=_round(label.mean))
        for label in finding.labels
        if isinstance(label.task.kind, Depth)
    }
    if outputs:
        parts.append('# The last layer starts at the mean depth, in metres.')
        parts.append(_assign('task_outputs', outputs))
    parts += [*_folder(finding, out), *_loaders(finding)]
    return '\n'.join(parts) + '\n'


def list_files(finding: Finding, out: Path) -> dict[Path, list[str]]:
    """Return the lists of samples that a config needs beside it.

    Args:
        finding: What was found.
        out: Where the config will lie.
    """
    return {
        out.with_name(f'{out.stem}_{split}.txt'): ids
        for split, ids in finding.splits.lists.items()
    }


def _base(path: Path, out: Path) -> str:
    """Return how a config names a base: relative within a checkout."""
    checkout = configs_folder().parent
    if out.resolve().is_relative_to(checkout):
        return os.path.relpath(path, out.resolve().parent)
    return path.as_posix()


def _row(label: LabelFinding) -> dict[str, Any]:
    row = dict(label.task.settings)
    if isinstance(label.task.kind, Scalar) and label.spread > 0:
        # The last layer starts from them.
        row |= dict(mean=_round(label.mean), spread=_round(label.spread))
    return row


def _round(value: float) -> float:
    return float(f'{value:.3g}')


def _folder(finding: Finding, out: Path) -> list[str]:
    entry: dict[str, Any] = {
        **({} if finding.folders else {'data_root': finding.root}),
        'image': finding.image,
        'labels': {
            label.task.name: label.settings['path']
            if len(label.settings) == 1
            else label.settings
            for label in finding.labels
        },
    }
    classes = {
        label.task.name: list(label.classes)
        for label in finding.labels
        if label.classes
    }
    if classes:
        entry['classes'] = classes
    if finding.splits.lists:
        lists = list_files(finding, out)
        # '..' goes up from where a link leads to.
        root = Path(finding.root).resolve()
        entry['splits'] = {
            split: os.path.relpath(path.resolve(), root)
            for split, path in zip(finding.splits.lists, lists, strict=True)
        }
    elif not finding.folders:
        entry['splits'] = dict(finding.splits.settings)
    comments = [
        line
        for label in finding.labels
        for line in wrap(
            f'{label.task.name}: {label.summary()}',
            _WIDTH,
            initial_indent='# ',
            subsequent_indent='#     ',
        )
    ]
    return [*comments, _assign('folder', entry)]


def _loaders(finding: Finding) -> list[str]:
    crop = tuple(min(side, _LARGEST) for side in finding.size)
    lines = [_PIPELINE.format(crop=crop)]
    for split, pipeline in dict(
        train=['pipeline=train_pipeline'], val=[]
    ).items():
        items = ['**folder', *pipeline]
        if finding.folders:
            items.append(f'data_root={finding.folders[split]!r}')
            items.append(f'splits=dict({split}=1.0)')
        inner = ', '.join(items)
        lines.append(f'{split}_dataloader = dict(dataset=dict({inner}))')
    return [*lines, 'test_dataloader = val_dataloader']


_PIPELINE = """train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(0.5, 2.0)),
    dict(type='MultiTaskRandomCrop', crop_size={crop}),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskPhotoMetricDistortion'),
    dict(type='MultiTaskCenteredPad'),
    dict(type='PackMultiTaskInputs'),
]"""


def _assign(name: str, value: Any) -> str:
    return f'{name} = {_code(value, 0, len(name) + 3)}'


def _code(value: Any, indent: int, used: int) -> str:
    """Return a value as Python code, broken where a line is too long.

    Args:
        value: Dictionaries with names as keys, lists, plain values.
        indent: Spaces before the line.
        used: Characters that stand before the value, the indent among them.
    """
    flat = _flat(value)
    fits = used + len(flat) + 1 <= _WIDTH
    if not isinstance(value, (Mapping, list)) or fits or 'range(' in flat:
        return flat
    inner = ' ' * (indent + 4)
    if isinstance(value, Mapping):
        lines = [
            f'{inner}{key}='
            f'{_code(item, indent + 4, indent + 5 + len(str(key)))},'
            for key, item in value.items()
        ]
        return 'dict(\n' + '\n'.join(lines) + f'\n{" " * indent})'
    lines: list[str] = []
    for item in value:
        text = _flat(item) + ','
        if lines and len(lines[-1]) + 1 + len(text) <= _WIDTH:
            lines[-1] += ' ' + text
        else:
            lines.append(inner + text)
    return '[\n' + '\n'.join(lines) + f'\n{" " * indent}]'


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        items = (f'{key}={_flat(item)}' for key, item in value.items())
        return f'dict({", ".join(items)})'
    if isinstance(value, (list, tuple)):
        whole = len(value) > 8 and all(isinstance(v, int) for v in value)
        if whole and list(value) == list(range(value[0], value[-1] + 1)):
            return f'list(range({value[0]}, {value[-1] + 1}))'
        return f'[{", ".join(map(_flat, value))}]'
    return repr(value)
