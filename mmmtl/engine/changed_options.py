"""Is a resumed training still the same training?

A checkpoint holds the text of the config it was made with, all options of
the command line in it. What differs from the config of the run that resumes
it is listed; what would make it another training is refused, unless the
config says ``resume_changed`` (``--resume-changed``). The rule: a change is
harmless if the resumed run ends with the weights of one that had it from the
start. :data:`HARMLESS` lists these; the validation data are not among them,
since the best checkpoint is chosen by them.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from mmmtl.engine.checkpoint import bare_model
from mmmtl.engine.config import runner_keys, walk_dicts
from mmmtl.engine.distributed import world_size
from mmmtl.engine.plain_config import literal_config
from mmmtl.errors import UserError
from mmmtl.models.decode_heads.task_outputs import TaskOutput
from mmmtl.tasks import get_task, make_task

#: Differs in every resumed run.
EXPECTED = (
    'experiment_name',
    'launcher',
    'load_from',
    'load_from_strict',
    'resume',
    'resume_changed',
    'work_dir',
)
#: Patterns of paths that may differ in the same training.
HARMLESS = (
    # Logs, pictures, when to validate, which checkpoints are kept.
    'log_level|log_processor|visualizer',
    'default_hooks.(logger|timer|visualization|checkpoint)',
    # What stops a run, not what it computes.
    'default_hooks.(divergence|labelled_tasks)',
    'train_cfg.(val_begin|val_interval|dynamic_intervals)',
    # Evaluations of their own.
    'test_.*|tta_.*',
    # How data, processes and memory are organised, not what is computed.
    'env_cfg|custom_imports|model_wrapper_cfg|find_unused_parameters',
    'activation_checkpointing|compile',
    '.*_dataloader.(num_workers|persistent_workers|pin_memory)',
    '.*_dataloader.(prefetch_factor|pin_memory_device)',
    'val_dataloader.batch_size',
    # All weights come from the checkpoint.
    'model.*[.](init_cfg|pretrained)',
)
#: Harmless where every schedule says itself when it ends.
LENGTH = ('train_cfg.(max_iters|max_epochs)',)
#: Patterns of what ``--resume-changed`` lets pass and cannot change, because
#: optimizer, schedules and seed are restored from the checkpoint.
RESTORED = (
    'optim_wrapper.(optimizer|paramwise_cfg)|param_scheduler',
    'randomness.seed',
)
SHOWN = 8  # differences listed at most


def check_options(
    config: Config, checkpoint: Mapping[str, Any], path: str
) -> list[str]:
    """Compare the config of a run with that of the checkpoint it resumes.

    Args:
        config: The config of this run.
        checkpoint: Content of the file.
        path: The file, for error texts.

    Returns:
        Lines to log.

    Raises:
        UserError: The run would be another one, or is over already.
    """
    meta = checkpoint['meta']
    changes = changed_options(config, meta)
    notes = []
    if changes is None:
        notes = [f'{path} holds no config to compare this one with']
        changes = {}
    patterns = HARMLESS + (LENGTH if _all_have_ends(config) else ())
    harmless = [key for key in changes if _is_one_of(key, patterns)]
    if harmless:
        notes.append(
            'options that differ from those of the checkpoint, in the same '
            f'training: {_listed(changes, harmless)}'
        )
    others = [key for key in changes if key not in harmless]
    if others and not config.get('resume_changed'):
        raise UserError(
            f'--resume: {path} was made with other options: '
            f'{_listed(changes, others)}. Start with the same ones; or add '
            '--resume-changed, and the training goes on changed; or start a '
            f'new one from its weights: --cfg-options load_from={path}'
        )
    if others:
        notes.append(f'resuming with {_listed(changes, others)}')
    if ignored := [key for key in others if _is_one_of(key, RESTORED)]:
        notes.append(
            'without effect, because optimizer, schedules and seed are '
            f'restored from the checkpoint: {_listed(changes, ignored)}'
        )
    return notes + _check_length(config, meta, path)


def check_meaning(
    model: nn.Module, checkpoint: Mapping[str, Any], path: str | Path
) -> None:
    """Refuse weights that were trained to give other values.

    They fit: no weight holds how the network's numbers become values. A
    height with another ``mean`` and ``spread``, say, would be wrong without
    a word.

    Args:
        model: What the weights are for; one without tasks passes.
        checkpoint: Content of the file; one without a config passes.
        path: The file, for the error text.

    Raises:
        UserError: A task's row or its ``max_value`` was another one; the
            text names what differs.
    """
    meta = checkpoint.get('meta')
    text = isinstance(meta, Mapping) and meta.get('cfg')
    if not text:
        return
    try:
        before = literal_config(str(text), path)
    except UserError:  # of a config with more than literals
        return
    rows = _part(before, 'new_tasks')
    outputs = _part(before, 'model', 'decode_head', 'tasks')
    own = getattr(bare_model(model), 'decode_head', None)
    found = []
    for task, output in getattr(own, 'outputs', {}).items():
        row, entry = _part(rows, task), _part(outputs, task)
        limit = entry.get('max_value') if entry else output.max_value
        if not _same_values(output, row, limit):
            settings = dict(row, max_value=limit)
            found.append(
                f'{task} with '
                + ', '.join(f'{k}={v!r}' for k, v in settings.items())
            )
    if found:
        raise UserError(
            f'{path} would give wrong values here, it was trained for '
            f'{"; ".join(found)}: use the config it was trained with'
        )


def _part(node: Any, *keys: str) -> dict[str, Any]:
    """Return a dictionary in others, empty if there is none."""
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _same_values(
    output: TaskOutput, row: Mapping[str, Any], limit: float | None
) -> bool:
    """Tell whether a row as it was makes the same values of logits.

    Args:
        output: What the head is asked to produce now.
        row: The row of then; empty if it was that of a built-in task.
        limit: ``max_value`` of then.
    """
    now = get_task(output.task).kind
    try:
        was = make_task(output.task, **row).kind if row else now
    except (TypeError, ValueError):  # of a kind that is not known here
        return False
    shape = (output.channels, 4, 4)
    # Of both signs and no two alike, so that no two formulas agree.
    probe = 3 * torch.arange(16.0 * output.channels).sin().view(shape)
    then, here = (
        kind.decode(
            kind.to_values(probe) if most is None else most * probe.sigmoid()
        )
        for kind, most in ((was, limit), (now, output.max_value))
    )
    return was.unit == now.unit and torch.equal(then, here)


def changed_options(
    config: Config, meta: Mapping[str, Any]
) -> dict[str, str] | None:
    """Return what differs between a checkpoint's config and this one.

    Args:
        config: The config of this run.
        meta: ``meta`` of the checkpoint.

    Returns:
        ``{'optim_wrapper.optimizer.lr': '0.1 -> 0.2'}``; None if the
        checkpoint holds no config that can be read.
    """
    try:
        before = _options(str(meta.get('cfg') or ''))
    except (SyntaxError, ValueError, RecursionError):
        return None
    if not before:
        return None
    now: dict[str, Any] = _options(config.pretty_text)
    # mmengine draws a seed where none is given, and resumes with it.
    if now.get('randomness.seed', 'None') == 'None':
        now['randomness.seed'] = before.get('randomness.seed')
    if 'processes' in meta:
        before['processes'] = str(meta['processes'])
        now['processes'] = str(world_size())
    pairs = {key: (before.get(key), now.get(key)) for key in {**before, **now}}
    return {
        key: f'{_short(old)} -> {_short(new)}'
        for key, (old, new) in pairs.items()
        if old != new
    }


def _all_have_ends(config: Config) -> bool:
    nodes = walk_dicts(config.get('param_scheduler'))
    return all('end' in node for _, node in nodes if 'type' in node)


def _check_length(
    config: Config, meta: Mapping[str, Any], path: str
) -> list[str]:
    loop = config.get('train_cfg') or {}
    for unit, limit in (('iter', 'max_iters'), ('epoch', 'max_epochs')):
        if limit in loop and meta[unit] > loop[limit]:
            raise UserError(
                f'--resume: {path} has {unit} {meta[unit]}, beyond '
                f'train_cfg.{limit}={loop[limit]}: nothing would be trained'
            )
        if loop.get(limit) == meta[unit]:
            return [f'{path} is the end of this training: nothing to do']
    return []


def _options(text: str) -> dict[str, str]:
    """Return all values of a config by path, without running its text.

    Variables of the config file are left out: they act where they are used.
    """
    known = runner_keys() - {*EXPECTED}
    found = {}
    for line in ast.parse(text).body:
        name = ast.unparse(line).partition(' = ')[0]
        if isinstance(line, ast.Assign) and name in known:
            found.update(_leaves(line.value, name))
    # To the runner, None at the top is as good as nothing.
    return {k: v for k, v in found.items() if '.' in k or v != 'None'}


def _leaves(node: ast.expr, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of every value in the expression of a config."""
    if isinstance(node, ast.Call):  # dict(key=value)
        items = [(item.arg, item.value) for item in node.keywords]
    elif isinstance(node, ast.Dict):
        keys = [ast.literal_eval(key) for key in node.keys if key]
        items = list(zip(keys, node.values, strict=True))
    elif isinstance(node, (ast.List, ast.Tuple)):
        items = list(enumerate(node.elts))
    else:
        items = []
    if not items:
        yield path, ast.unparse(node)
    for key, value in items:
        yield from _leaves(value, f'{path}.{key}')


def _is_one_of(path: str, patterns: tuple[str, ...]) -> bool:
    """Say whether a path is, or stands below, one of the patterns."""
    return any(
        re.fullmatch(f'({pattern})([.].*)?', path) for pattern in patterns
    )


def _listed(changes: Mapping[str, str], keys: list[str]) -> str:
    shown = [f'{key} ({changes[key]})' for key in keys[:SHOWN]]
    if len(keys) > SHOWN:
        shown.append(f'and {len(keys) - SHOWN} more')
    return ', '.join(shown)


def _short(value: str | None) -> str:
    return textwrap.shorten(value or 'nothing', 40, placeholder='...')
