"""The one door through which weights come in.

:func:`read_weights` takes a path or URL, downloads what is not here, and
reads it without running code from it. :func:`open_door` makes mmengine, too,
read through it, ``init_cfg=dict(type='Pretrained')`` included.

What a run starts from is read ahead (:func:`read_start_files`), before the
run writes anything, and given away when it is asked for: each file is read
once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import (
    get_external_models,
    get_torchvision_models,
)
from torch import nn

from mmmtl.engine.checkpoint import (
    Comparison,
    bare_model,
    compare,
    enable_safe_loading,
    read_checkpoint,
    state_dict_of,
)
from mmmtl.engine.config import walk_dicts
from mmmtl.engine.distributed import together
from mmmtl.engine.timm_weights import (
    TIMM_SCHEMES,
    fetch_timm_weights,
    name_as_timm_backbone,
)
from mmmtl.errors import UserError

TIMEOUT = 20.0  # seconds without a byte from the server
#: Below this share of a module's tensors, the file is taken for another
#: network's. A missing output norm or a window of another size stay legal.
ENOUGH = 0.5
# What was read and not asked for yet, by path and time of change.
_READ: dict[tuple[Path, int], dict[str, Any]] = {}


def open_door() -> None:
    """Make mmengine read files and URLs through :func:`read_weights`."""
    enable_safe_loading()
    CheckpointLoader.register_scheme(
        [
            *('', 'http://', 'https://', 'open-mmlab://', 'torchvision://'),
            *TIMM_SCHEMES,
        ],
        load_from_mmmtl,
        force=True,
    )


def load_from_mmmtl(source: str, map_location: object = None) -> dict:
    """Read for mmengine, onto the CPU wherever the tensors go later."""
    del map_location
    return read_weights(source)


def read_weights(source: str) -> dict[str, Any]:
    """Return the content of a checkpoint; it may have been read ahead.

    Args:
        source: A path, ``http(s)://``, ``open-mmlab://``,
            ``torchvision://``; or ``package://``, ``timm://``, ``hf-hub:``,
            whose tensors get the names that they have in mmpretrain's
            TIMMBackbone (:mod:`mmmtl.engine.timm_weights`).

    Raises:
        UserError: The file cannot be had, is damaged, or contains code.
    """
    path = fetch_checkpoint(source)
    return _READ.pop(_key(path), None) or _read(source, path)


def read_ahead(source: str) -> dict[str, Any]:
    """Read a checkpoint, and keep it until :func:`read_weights` asks."""
    path = fetch_checkpoint(source)
    if _key(path) not in _READ:
        _READ[_key(path)] = _read(source, path)
    return _READ[_key(path)]


def _read(source: str, path: Path) -> dict[str, Any]:
    content = read_checkpoint(path)
    if source.startswith(TIMM_SCHEMES):
        return name_as_timm_backbone(source, state_dict_of(content, path))
    return content


def _key(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns


def read_start_files(
    config: Mapping[str, Any], *, pretrained: bool = True
) -> None:
    """Read ahead all weights that a run starts from.

    Args:
        config: Its ``load_from``, and in its ``model`` every ``init_cfg`` of
            type ``Pretrained`` and every ``pretrained`` are looked at. Each
            machine downloads once.
        pretrained: False leaves out those of the ``model``.

    Raises:
        UserError: Weights cannot be had; names the config key and the fix.
    """
    _READ.clear()  # what an earlier run left behind
    with together():
        if int(os.environ.get('LOCAL_RANK', '0')) == 0:
            _for_each_source(config, fetch_checkpoint, pretrained)
    with together():
        _for_each_source(config, read_ahead, pretrained)


def _for_each_source(
    config: Mapping[str, Any],
    get: Callable[[str], object],
    pretrained: bool,
) -> None:
    if config.get('load_from'):
        get(config['load_from'])
    if not pretrained:
        return
    for key, source, _ in pretrained_sources(config):
        try:
            get(source)
        except UserError as error:
            raise UserError(
                f'{key}: pretrained weights: {error}; to start without them: '
                f'--cfg-options {key}=None'
            ) from error


def check_pretrained_fit(config: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse pretrained weights of which less than half fit.

    mmseg's backbones load what fits and say nothing of the rest, so a file of
    another network would leave random weights behind and no error.

    Args:
        config: Every ``init_cfg`` of type ``Pretrained`` in its ``model``
            is looked at.
        model: The built model.

    Raises:
        UserError: Names the file, the config key and what differs.
    """
    for key, source, prefix in pretrained_sources(config):
        module = _module_of(key, model)
        # These rename the tensors of the original Swin files while loading.
        if module is None or getattr(module, 'convert_weights', False):
            continue
        state = state_dict_of(read_ahead(source), source)
        if prefix:
            dot = prefix if prefix.endswith('.') else f'{prefix}.'
            state = {
                name.removeprefix(dot): tensor
                for name, tensor in state.items()
                if name.startswith(dot)
            }
        found = compare(module, state)
        total = len(module.state_dict())
        if len(found.matching) < ENOUGH * total:
            raise UserError(
                f'{key}: pretrained weights {source} are of another network: '
                f'{_describe(found, total)}. Fix: name the right file or '
                f'prefix, or start without: --cfg-options {key}=None'
            )
        if found.missing or found.misshapen:
            print_log(
                f'{key}: {source}: {_describe(found, total)}',
                logger='current',
                level='WARNING',
            )


def pretrained_sources(
    config: Mapping[str, Any],
) -> Iterator[tuple[str, str, str | None]]:
    """List the pretrained weights that a config asks for.

    Args:
        config: Its ``model`` is searched.

    Yields:
        The key that switches it off, a path or URL, and a prefix or None.
    """
    for path, node in walk_dicts(config.get('model') or {}, 'model'):
        if node.get('type') == 'Pretrained' and 'checkpoint' in node:
            # An item of a list of init_cfg is switched off with the list.
            key = path.rstrip('.0123456789')
            yield key, node['checkpoint'], node.get('prefix')
        elif isinstance(node.get('pretrained'), str):
            yield f'{path}.pretrained', node['pretrained'], None


def fetch_checkpoint(source: str) -> Path:
    """Return a local file for a path or URL, downloading it if needed.

    Args:
        source: As in :func:`read_weights`.

    Raises:
        UserError: There is no such file, or the server does not answer.
    """
    if source.startswith(TIMM_SCHEMES):
        return fetch_timm_weights(source, fetch_checkpoint)
    url = _resolve(source)
    if urlparse(url).scheme not in ('http', 'https'):
        path = Path(url).expanduser()
        if not path.is_file():
            raise UserError(f'checkpoint {path}: no such file')
        return path
    # Where torch.utils.model_zoo looks, which other projects use.
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    cached = folder / Path(urlparse(url).path).name
    if cached.is_file():
        return cached
    folder.mkdir(parents=True, exist_ok=True)
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        # Writes to a temporary file and renames it when complete.
        torch.hub.download_url_to_file(url, str(cached))
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f'cannot download {url}: {error}') from error
    finally:
        socket.setdefaulttimeout(patience)
    return cached


def _resolve(source: str) -> str:
    scheme, _, name = source.partition('://')
    known = {
        'open-mmlab': get_external_models,
        'torchvision': get_torchvision_models,
    }
    if scheme not in known:
        return source
    urls = known[scheme]()
    if name not in urls:
        raise UserError(f'{scheme} has no weights called {name!r}')
    return urls[name]


def _describe(found: Comparison, total: int) -> str:
    return f'{found.describe()} (of {total} in the model)'


def _module_of(key: str, model: nn.Module) -> nn.Module | None:
    path = key.removeprefix('model.')
    for end in ('.init_cfg', '.pretrained'):
        path = path.removesuffix(end)
    try:
        return bare_model(model).get_submodule(path)
    except AttributeError:
        return None  # a part that is not built under its config's name
