"""Configs as data: what travels with weights, and what is read beside them.

A config that a user names is the user's own code, and runs. One that only
lies beside weights, in a folder or on a hub, may be anybody's: it is read as
data, and nothing of it runs. That needs more than a format without code,
because mmengine calls whatever ``type`` spells, ``subprocess.Popen``
included. So :func:`check_is_data` lets types pass that a registry holds, of
the packages in :data:`PACKAGES`; and because their classes open files, fetch
URLs and import modules where an argument is the right text, it lets plain
words pass, and other texts where nothing opens them.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.registry import Registry
from mmengine.utils import get_object_from_string

from mmmtl.engine.config import walk_dicts
from mmmtl.engine.config_tasks import test_dataset_of
from mmmtl.errors import UserError
from mmmtl.io.plain_files import read_json, read_text
from mmmtl.registry import (
    DATASETS,
    METRICS,
    MODELS,
    TRANSFORMS,
    WEIGHT_INITIALIZERS,
)

#: Whose classes a config may name. Of mmpretrain not the language models,
#: which load code of others.
PACKAGES = (
    'mmmtl.',
    'mmseg.',
    'mmcv.',
    'mmengine.',
    'mmpretrain.models.backbones.',
    'torch.',
)
REGISTRIES = (MODELS, TRANSFORMS, WEIGHT_INITIALIZERS, DATASETS, METRICS)
#: Of ``config.json``; a later one may mean something else.
FORMAT = 1
#: What prediction needs of a config beside model and pipeline.
MORE_PARTS = ('new_tasks', 'completed_tasks', 'custom_imports')
# What stands for a tuple, and for a number that JSON does not know.
_TUPLE, _NUMBER = '__tuple__', '__float__'
_NUMBERS = ('inf', '-inf', 'nan')
# Settings of networks by which they fetch weights when they are built.
_WEIGHTS = ('pretrained', 'checkpoint', 'checkpoint_path')
# Of the classes: mmengine opens any text right below it.
_METAINFO = 'test_dataloader.dataset.metainfo.'
# Modules to import, what mmseg's VPD calls, and where files are read from:
# one of mmengine's backends imports from a folder that it is told.
_CODE = ('custom_imports', 'target', 'backend_args', 'file_client_args')
# No path, address, or name of a module in a package.
_WORDS = re.compile(r'[\w +-]*')
_DOTTED = re.compile(r'[\w +.-]*')
# Looked up in a table of networks: `regnetx_3.2gf`, `name.tag` of timm.
_NETWORKS = ('arch', 'model_name')
# Shown, or compared with the names of layers.
_FREE = ('unit', 'target_modules', 'exclude_modules')
# A picture may be decoded as one, by mmseg's loaders of medical data.
_PICKLES = ('pickle', 'pkl')
# What peft gets; others of its settings import modules and read files.
_LORA = (
    'r',
    'lora_alpha',
    'lora_dropout',
    'target_modules',
    'exclude_modules',
    'bias',
    'fan_in_fan_out',
    'init_lora_weights',
    'layers_to_transform',
    'layers_pattern',
    'rank_pattern',
    'alpha_pattern',
    'use_rslora',
    'use_dora',
)


class AsksForCodeError(UserError):
    """A config of others would run code, or read files."""


def to_json(value: Any) -> Any:
    """Return a config as values that JSON has.

    Args:
        value: A config, or a value in one.

    Raises:
        UserError: It holds an object, such as a function.
    """
    if isinstance(value, Mapping):
        odd = [key for key in value if not isinstance(key, str)]
        if odd:
            raise UserError(
                f'the config has a dict with the key {odd[0]!r}: JSON knows '
                'texts only'
            )
        return {
            key: type_name(part) if key == 'type' else to_json(part)
            for key, part in value.items()
        }
    if isinstance(value, tuple):
        return {_TUPLE: [to_json(part) for part in value]}
    if isinstance(value, list):
        return [to_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UserError(
        f'the config holds {value!r}, a {type(value).__name__}, which cannot '
        'be saved as JSON: give it as text, numbers, lists or dicts'
    )


def from_json(value: Any) -> Any:
    """Undo :func:`to_json`."""
    if isinstance(value, dict):
        if value.keys() == {_TUPLE} and isinstance(value[_TUPLE], list):
            return tuple(from_json(part) for part in value[_TUPLE])
        if value.keys() == {_NUMBER} and value[_NUMBER] in _NUMBERS:
            return float(value[_NUMBER])
        return {key: from_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [from_json(part) for part in value]
    return value


def type_name(kind: Any) -> Any:
    """Return the registered name of a type.

    Args:
        kind: A class, as configs in pure Python have it, its full name, or a
            name; a name stays.
    """
    if isinstance(kind, str):
        if registered_class(kind) is not None:
            return kind
        kind = get_object_from_string(kind) or kind
    for registry in REGISTRIES:
        for node in _nodes(registry, ''):
            for name, known in node.module_dict.items():
                if known is kind:
                    return name
    return kind if isinstance(kind, str) else to_json(kind)


def registered_class(kind: str) -> Any:
    """Return the class of a name without importing what it spells.

    Args:
        kind: ``Name`` or ``scope.Name``.

    Returns:
        The class; None if no registry has it.
    """
    scope, _, name = kind.rpartition('.')
    for registry in REGISTRIES:
        for node in _nodes(registry, scope):
            if name in node.module_dict:
                return node.module_dict[name]
    return None


def _nodes(registry: Registry, scope: str) -> Iterator[Registry]:
    """Yield the registries in which mmengine looks a name up."""
    registry.import_from_location()
    root = registry.root
    if scope == 'mmpretrain':
        import mmpretrain.registry  # noqa: F401  (adds itself to the roots)
    if scope in root.children:
        root.children[scope].import_from_location()
        yield root.children[scope]
    elif scope == 'mmengine':
        yield root
    while not scope and registry is not None:
        yield registry
        registry = registry.parent


def read_json_config(path: Path) -> dict[str, Any]:
    """Read the config of a folder that ``save_pretrained`` has written.

    Args:
        path: Its ``config.json``.

    Raises:
        UserError: It is no such file.
    """
    try:
        content = from_json(read_json(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'config {path} cannot be read: {error}') from error
    config = content.get('config') if isinstance(content, dict) else None
    if not isinstance(config, dict) or 'model' not in config:
        raise UserError(
            f'config {path}: it holds no config.model, so save_pretrained '
            'has not written it: is it the file of another library?'
        )
    if content.get('format', FORMAT) != FORMAT:
        raise UserError(
            f'config {path} has format {content["format"]!r}, this version '
            f'reads {FORMAT}: install a newer mmmtl'
        )
    return config


def read_literal_config(path: Path) -> dict[str, Any]:
    """Read a ``.py`` config as mmengine dumps it, without running it.

    Args:
        path: Assignments of literals and of ``dict(...)``.

    Raises:
        UserError: There is anything else in it.
    """
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise UserError(f'config {path} cannot be read: {error}') from error
    return literal_config(text, path)


def literal_config(text: str, source: str | Path) -> dict[str, Any]:
    """Read the text of a config; see :func:`read_literal_config`.

    Args:
        text: The text.
        source: Where it is from, for the error text.
    """
    config = {}
    try:
        for node in ast.parse(text).body:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                raise ValueError(f'line {node.lineno} assigns nothing')
            (target,) = node.targets
            if not isinstance(target, ast.Name):
                raise ValueError(f'line {node.lineno} assigns to no name')
            config[target.id] = _literal(node.value)
    except (SyntaxError, ValueError, TypeError, RecursionError) as error:
        raise _asks(source, f'code ({error})') from error
    return config


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and _is_dict(node):
        # `dict({'.norm': 0}, a=1)`, where a key is no name.
        parts = [_literal(part) for part in node.args]
        parts += [{w.arg: _literal(w.value)} for w in node.keywords if w.arg]
        return {key: part[key] for part in parts for key in part}
    if isinstance(node, (ast.List, ast.Tuple)):
        parts = [_literal(part) for part in node.elts]
        return parts if isinstance(node, ast.List) else tuple(parts)
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [_literal(key) for key in node.keys if key is not None]
        values = [_literal(part) for part in node.values]
        return dict(zip(keys, values, strict=True))
    if isinstance(node, ast.Name) and node.id in _NUMBERS:
        return float(node.id)  # as Python shows them
    return ast.literal_eval(node)


def _is_dict(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Name)
        and node.func.id == 'dict'
        and all(isinstance(part, ast.Dict) for part in node.args)
        and all(word.arg for word in node.keywords)  # unpacks nothing
    )


def check_is_data(config: Mapping[str, Any], source: str | Path) -> None:
    """Refuse a config by which code of others would run.

    Args:
        config: The config.
        source: Where it is from, for the error text.

    Raises:
        UserError: It names modules or files to load, a type that no
            registry of :data:`PACKAGES` has, or holds a text that some class
            could open.
    """
    for place, node in walk_dicts(config):
        for key, value in node.items():
            is_code = key in _CODE or str(key).startswith('_')
            is_unknown = key == 'type' and not _is_known(value)
            is_file = key == 'class_weight' and isinstance(value, str)
            is_more = place == 'model.lora' and key not in _LORA
            is_outside = key != 'type' and not _is_plain(key, value)
            if f'{place}.'.startswith(_METAINFO):
                is_outside = isinstance(value, str)  # no list of names
            if value and (
                is_code or is_unknown or is_file or is_more or is_outside
            ):
                where = f'{place}.{key}'.lstrip('.')
                raise _asks(source, f'{where}={value!r}')


def _is_known(kind: Any) -> bool:
    found = registered_class(kind) if isinstance(kind, str) else None
    return f'{getattr(found, "__module__", "")}.'.startswith(PACKAGES)


def _is_plain(key: Any, value: Any) -> bool:
    """Tell texts that nothing opens; in lists too, dicts come by themselves.

    What is no word is a path, a URL, ``hf-hub:...``, by which timm fetches a
    network, or the name of a module.
    """
    if isinstance(value, (list, tuple)):
        return all(_is_plain(key, part) for part in value)
    if not isinstance(value, str) or key in _FREE:
        return True
    words = _DOTTED if key in _NETWORKS else _WORDS
    return bool(words.fullmatch(value)) and value.lower() not in _PICKLES


def _asks(source: str | Path, what: str) -> UserError:
    return AsksForCodeError(
        f'{source} asks for code or files from outside: {what}: nothing of it '
        'was run. If you trust who wrote it: --trust-remote-code, or '
        'trust_remote_code=True; a config of your own: --config, or config='
    )


def for_prediction(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the network and how pictures get to it.

    Args:
        config: A config with a ``model``.

    Returns:
        A config that asks for no other weights: those that it comes with
        hold all that the training started from.
    """
    pipeline = test_dataset_of(config).get('pipeline')
    return {
        'default_scope': 'mmmtl',
        'model': _without_weights(config['model']),
        'test_pipeline': pipeline or config.get('test_pipeline') or [],
        **{
            key: value
            for key, value in config.items()
            if value and (key in MORE_PARTS or key.startswith('_'))
        },
    }


def _without_weights(value: Any) -> Any:
    if isinstance(value, Mapping):
        kind = value.get('type')
        name = str(getattr(kind, '__name__', kind)).rpartition('.')[2]
        if name in ('Pretrained', 'PretrainedInit'):
            return None
        return {
            key: _no_weights(part)
            if key in _WEIGHTS
            else _without_weights(part)
            for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        # A list of initialisers is shorter then.
        pairs = [(part, _without_weights(part)) for part in value]
        kept = [new for part, new in pairs if new is not None or part is None]
        return kept if isinstance(value, list) else tuple(kept)
    return value


def _no_weights(value: Any) -> Any:
    return False if isinstance(value, bool) else None
