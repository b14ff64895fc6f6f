"""``--cfg-options`` may change what is there, not spell something new.

mmengine creates whatever path an option spells, and changes variables that
were used already, so a typing error trains the unchanged recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils.data import DataLoader

from mmmtl.engine.config_checks import runner_keys
from mmmtl.engine.config_paths import walk_dicts
from mmmtl.engine.registered_types import accepted_arguments, find_type
from mmmtl.engine.user_errors import UserError
from mmmtl.errors import did_you_mean

# Keys that the reader of a dict takes out before a class sees the rest, by
# the ending of the dict's name.
BUILDER_KEYS = {
    'optim_wrapper': ('constructor', 'optimizer', 'paramwise_cfg'),
    'dataloader': ('num_batch_per_epoch', 'dataset', 'sampler'),
    'param_scheduler': ('convert_to_iter_based',),
    'norm_cfg': ('requires_grad',),
    'init_cfg': ('layer', 'override'),
    'hooks': ('priority',),
    'env_cfg': ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    'mp_cfg': ('mp_start_method', 'opencv_num_threads'),
    'dist_cfg': ('backend', 'timeout', 'port', 'init_backend'),
    'randomness': ('seed', 'deterministic', 'diff_rank_seed'),
    'auto_scale_lr': ('enable', 'base_batch_size'),
}
# What a dict without a type stands for.
DEFAULT_TYPES = {
    'log_processor': 'LogProcessor',
    'optim_wrapper': 'OptimWrapper',
    'visualizer': 'Visualizer',
}
# Keys below these are checked by whoever reads them.
OPEN_DICTS = ('default_hooks', 'model.test_cfg')


def check_options(
    config: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """Refuse ``--cfg-options`` that name a place the config does not have.

    A path must exist in the config, except that its first unknown key is
    welcome where the reader of that dict is known to accept it: an argument
    of the runner at the top, an argument of the registered class where the
    dict has a ``type``, an argument of the data loader in a ``*_dataloader``,
    a new name under ``default_hooks``, and any key of ``model.train_cfg``
    and ``model.test_cfg``, whose model checks them itself. What stands below
    a new key is checked when it is built. A variable of the config file
    (``data_root``) cannot be changed: nobody reads it any more.

    Args:
        config: The config before the options are merged into it.
        options: Values by dotted path.
    """
    for path in options:
        _check_not_variable(config, path)
        _check_option(config, path, options)


def _check_not_variable(config: Mapping[str, Any], path: str) -> None:
    """Refuse to change a variable that the file has used already."""
    name, dot, rest = path.partition('.')
    if name not in config or name in runner_keys():
        return
    # The same key with the same value is where the variable went.
    used = [
        f'{place}.{name}{dot}{rest}'
        for place, node in walk_dicts(config)
        if place and name in node and node[name] == config[name]
    ]
    where = ' '.join(used) or 'the keys that were made from it'
    raise UserError(
        f'--cfg-options {path}: {name!r} is a variable of the config file, '
        f'which has used it already; change instead: {where}'
    )


def _check_option(
    config: Mapping[str, Any], path: str, options: Mapping[str, Any]
) -> None:
    node: Any = config
    parts = path.split('.')
    for depth, key in enumerate(parts):
        place = '.'.join(parts[:depth])
        if isinstance(node, Mapping):
            if key not in node:
                # Options that change the type bring the new type's keys.
                node = (
                    {**node, 'type': options[f'{place}.type']}
                    if (f'{place}.type' in options)
                    else node
                )
                _check_new_key(node, place, key, path)
                return
            node = node[key]
        elif isinstance(node, (list, tuple)):
            node = _item(node, place, key, path)
        elif node is None:
            return  # None stands for 'not configured': anything may replace it
        else:
            raise UserError(
                f'--cfg-options {path}: {place} is {node!r}, it has no '
                f'{key!r} inside'
            )


def _item(node: Sequence[Any], place: str, key: str, path: str) -> Any:
    if not key.isdigit() or int(key) >= len(node):
        raise UserError(
            f'--cfg-options {path}: {place} is a list of {len(node)}; write '
            f'an index from 0 to {len(node) - 1} instead of {key!r}'
        )
    return node[int(key)]


def _check_new_key(
    node: Mapping[str, Any], place: str, key: str, path: str
) -> None:
    if key == '_delete_' or place in OPEN_DICTS:
        return
    accepted = _accepted(node, place)
    if accepted is None or key in accepted:
        return
    spelled = f'{place}.{key}' if place else key
    raise UserError(
        f'--cfg-options {path}: the config has no {spelled!r}; '
        f'{_hint(key, {*map(str, node), *accepted})}'
    )


def _hint(key: str, names: set[str]) -> str:
    """Return the near names only; all of them where none is near."""
    near, found, _ = did_you_mean(key, names).partition('? (')
    return f'{near}?' if found else near


def _accepted(node: Mapping[str, Any], place: str) -> set[str] | None:
    """Return the keys the reader of a dict accepts; None for any."""
    if not place:
        return runner_keys()
    last = [part for part in place.split('.') if not part.isdigit()][-1]
    accepted = {
        key
        for ending, keys in BUILDER_KEYS.items()
        if last.endswith(ending)
        for key in keys
    }
    if last.endswith('dataloader'):
        return accepted | set(accepted_arguments(DataLoader) or ())
    type_name = node.get('type', DEFAULT_TYPES.get(last))
    if type_name is None:
        return accepted
    entry = find_type(type_name)
    # An unknown type will be missed, and named, when it is built.
    names = None if entry is None else accepted_arguments(entry)
    return None if names is None else accepted | names
