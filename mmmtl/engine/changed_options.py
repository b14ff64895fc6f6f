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

from mmengine.config import Config

from mmmtl.engine.config import runner_keys, walk_dicts
from mmmtl.engine.distributed import world_size
from mmmtl.errors import UserError

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
#: Patterns of what a network's numbers mean, which no weight holds: how a row
#: of a task turns them into values.
MEANING = (
    'new_tasks[.][^.]+[.](?!(loss|metric|primary|painter)([.]|$)).+',
    '.*decode_head.(tasks|auxiliary_tasks)[.][^.]+[.]max_value',
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
    config: Config, checkpoint: Mapping[str, Any], path: str | Path
) -> None:
    """Refuse weights that were trained to give other values.

    The same weights fit: a height with another ``mean`` and ``spread``, say,
    would be wrong without a word.

    Args:
        config: The config that the weights are used with.
        checkpoint: Content of the file; one without a config passes.
        path: The file, for the error text.

    Raises:
        UserError: The text names what differs.
    """
    meta = checkpoint.get('meta')
    known = isinstance(meta, Mapping)
    changes = (changed_options(config, meta) if known else None) or {}
    if found := [key for key in changes if _is_one_of(key, MEANING)]:
        raise UserError(
            f'{path} was trained with other settings of its tasks, and would '
            f'give wrong values here: {_listed(changes, found)}. Use the '
            'config it was trained with'
        )


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
