"""Loads a config file and the options of the command line.

mmengine ignores a top-level key that nobody reads, creates whatever path an
option spells, and lets an option change a variable that was used already. So
a typing error trains the unchanged recipe; here it is refused.
"""

from __future__ import annotations

import argparse
import copy
import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings

from mmmtl.engine.config_tasks import (
    complete_tasks,
    name_head_tasks,
    takes_tasks_from_the_top,
)
from mmmtl.errors import UserError
from mmmtl.zoo import find_config

# Read by the runner from its config, or by our tools.
MORE_TOP_LEVEL_KEYS = (
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'load_from_strict',
    'model_wrapper_cfg',
    'new_tasks',
    'resume_changed',
    'runner_type',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
)
# Any other key is a variable of the config; one this near to a key that is
# read is a typing error.
NEAR_MISS = 0.85
# The table of tasks and the heads refuse settings that they do not know.
OPEN = (
    'new_tasks.',
    'model.decode_head.tasks.',
    'model.decode_head.auxiliary_tasks.',
)
# Brackets of lists and tuples in an option.
PAIRS = ('()', '[]')
# mmengine takes what it knows from these dicts and ignores the rest.
CARELESS = ('auto_scale_lr.', 'env_cfg.', 'optim_wrapper.paramwise_cfg.')


def load_config(
    source: str | Path | Mapping[str, Any] | Config,
    options: Mapping[str, Any] | None = None,
) -> Config:
    """Read a config, merge options into it and refuse keys nobody reads.

    This is the one door of all tools: the modules of ``custom_imports`` are
    imported, the rows of ``new_tasks`` are in the table afterwards, and what
    the config leaves out about its tasks is written
    (:mod:`mmmtl.engine.config_tasks`).

    Args:
        source: A ``.py`` config; the name of one that comes with the
            package (:func:`mmmtl.zoo.find_config`); or a whole config, as
            mmengine's ``Config`` or as a dict.
        options: Values by dotted path, as ``--cfg-options`` gives them.

    Raises:
        UserError: The file is missing or fails to load, or a key is a
            typing error.
        ValueError: A row of ``new_tasks`` cannot be added.
    """
    config = _read(source)
    check_top_level(config)
    _import_modules(config)  # of a dict nobody has, yet
    # Before the options, which may speak of a task in the head.
    own = name_head_tasks(config)
    merge_options(config, options or {})
    _import_modules(config)  # an option may have named more
    complete_tasks(config, own=own)
    return config


def import_own_modules(names: Iterable[str]) -> None:
    """Import the modules that an option ``--imports`` names.

    Args:
        names: As ``custom_imports`` of a config has them.

    Raises:
        UserError: One cannot be imported.
    """
    for name in names:
        try:
            import_module(name)
        except ImportError as error:
            raise UserError(
                f'--imports {name}: {error}: put its folder on PYTHONPATH'
            ) from error


def _import_modules(config: Config) -> None:
    if config.get('custom_imports'):
        import_modules_from_strings(**config.custom_imports)


def _read(source: str | Path | Mapping[str, Any] | Config) -> Config:
    if isinstance(source, Config):
        return source.copy()
    if isinstance(source, Mapping):
        if '_base_' in source:
            raise UserError(
                'config: a dict has no _base_: give the name of that config, '
                'and what differs as cfg_options'
            )
        return Config(copy.deepcopy(dict(source)))
    path = find_config(source)
    try:
        return Config.fromfile(str(path))
    except Exception as error:
        raise UserError(
            f'config {path} does not load: {type(error).__name__}: {error}'
        ) from error


def parse_options(
    options: Sequence[str], name: str = '--cfg-options'
) -> dict[str, Any]:
    """Read ``KEY=VALUE`` pairs of a command line.

    Args:
        options: The pairs, as they stand there.
        name: The argument they belong to, for the error text.

    Raises:
        UserError: A pair cannot be read.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='*', action=DictAction)
    found: dict[str, Any] = {}
    for option in options:
        key, sign, value = option.partition('=')
        if not sign or not all(key.split('.')):
            raise UserError(
                f'{name} {option}: write KEY=VALUE, with names and dots in KEY'
            )
        wrong = f'{name} {option}: the brackets do not match'
        is_list = value[:1] in tuple('([') or value[-1:] in tuple(')]')
        if is_list and any(value.count(a) != value.count(b) for a, b in PAIRS):
            raise UserError(wrong)
        try:
            found |= parser.parse_args([f'--options={option}']).options
        except (AssertionError, RecursionError) as error:
            raise UserError(wrong) from error
    return found


def check_top_level(config: Mapping[str, Any] | Config) -> None:
    """Refuse a top-level key that is nearly, but not quite, one that is read.

    Any other unknown key is a variable of the config (``crop_size``).
    """
    known = runner_keys()
    for key in config.keys() - known:
        near = difflib.get_close_matches(key, known, n=1, cutoff=NEAR_MISS)
        # 'train_pipeline' beside 'tta_pipeline': the config's own idiom.
        if near and not key.endswith('_pipeline'):
            raise UserError(
                f'config: nothing reads the top-level key {key!r}; '
                f'did you mean {near[0]!r}?'
            )


def merge_options(config: Config, options: Mapping[str, Any]) -> None:
    """Merge ``--cfg-options`` into a config.

    Args:
        config: Changed in place.
        options: Values by dotted path.

    Raises:
        UserError: An option names a place that nobody would read, or one
            that mmengine cannot merge.
    """
    for path in options:
        check_option(config, path, options)
    try:
        config.merge_from_dict(dict(options))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f'--cfg-options {" ".join(options)}: {error.args[0]}'
        ) from error


def check_option(
    config: Mapping[str, Any] | Config, path: str, options: Mapping[str, Any]
) -> None:
    """Refuse an option whose place nobody would read.

    A place that the config has is welcome, and so is a new key of a dict
    whose reader refuses names it does not know: a dict with a ``type`` (its
    class does), an argument of the runner, a row of ``new_tasks``, a task of
    the head, and the model's ``test_cfg``. What stands below a new key is
    looked at when it is built. A variable of the
    config file (``data_root``) cannot be changed any more. mmengine itself
    refuses an index that a list does not have, and a key below a number.

    Args:
        config: The config before the options are merged into it.
        path: The dotted path of the option.
        options: All of them: one may bring the ``type`` of another's place.
    """
    name, *rest = path.split('.')
    is_read = name in runner_keys() or (
        name == 'tasks' and takes_tasks_from_the_top(config)
    )
    if name in config and not is_read:
        raise UserError(
            f'--cfg-options {path}: {name!r} is a variable of the config '
            'file, which has used it already; change instead: '
            + _where_used(config, name, rest)
        )
    node, place = config, ''
    for key in path.split('.'):
        if isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        elif not isinstance(node, (Mapping, Config)):
            return  # mmengine's to refuse; None may become a dict
        elif key in node:
            node = node[key]
        elif not path.startswith(CARELESS) and (
            f'{place}.type' in options or _takes(node, place, key)
        ):
            return
        else:
            spelled = f'{place}.{key}'.lstrip('.')
            raise UserError(
                f'--cfg-options {path}: the config has no {spelled!r}; '
                + _hint(key, node if place else runner_keys())
            )
        place = f'{place}.{key}'.lstrip('.')


def _takes(node: Mapping[str, Any], place: str, key: str) -> bool:
    """Say whether the reader of a dict takes, or itself refuses, a new key."""
    if not place:
        return key in runner_keys()
    is_refusing = (
        'type' in node
        or place in {*runner_keys(), 'model.test_cfg'}
        or place.startswith(OPEN)
    )
    return is_refusing or key == '_delete_'


def _hint(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, map(str, known), n=2)
    if near:
        return f'did you mean {" or ".join(map(repr, near))}?'
    return f'known are: {", ".join(sorted(map(str, known)))}'


def _where_used(config: Any, name: str, rest: list[str]) -> str:
    """List the places that hold a variable's value under its own name."""
    places = [
        '.'.join([place, name, *rest])
        for place, node in walk_dicts(config)
        if place and name in node and node[name] == config[name]
    ]
    return ' '.join(places) or 'the keys that were made from it'


def runner_keys() -> set[str]:
    """Return the top-level keys that the runner or our tools read."""
    arguments = inspect.signature(Runner.__init__).parameters
    return {*arguments, *MORE_TOP_LEVEL_KEYS} - {'self', 'cfg'}


def walk_dicts(node: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    """Yield every dict of a config with its dotted path.

    Args:
        node: A config, or any value in one.
        path: Where ``node`` stands; empty for the config itself.

    Yields:
        ``('model.backbone', {...})``; list items are ``pipeline.0``. This is
        how ``--cfg-options`` spells them, too.
    """
    if isinstance(node, (Mapping, Config)):
        yield path, node
        items = list(node.items())
    elif isinstance(node, (list, tuple)):
        items = list(enumerate(node))
    else:
        return
    for key, value in items:
        yield from walk_dicts(value, f'{path}.{key}' if path else str(key))
