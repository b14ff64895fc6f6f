"""Pretrained weights are fetched and checked before a model is built.

mmengine fetches them in the middle of the start-up, without a time-out, and
ends in a traceback of the network library. Here they are fetched first, into
the cache where mmengine will find them, and an error names the place in the
config and the way to do without.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.runner.checkpoint import (
    get_external_models,
    get_torchvision_models,
)

from mmmtl.engine.checkpoint_safety import read_checkpoint
from mmmtl.engine.config_paths import walk_dicts
from mmmtl.engine.distributed import raise_together
from mmmtl.engine.user_errors import UserError

TIMEOUT = 20.0  # seconds without a byte from the server


def fetch_pretrained(config: Mapping[str, Any]) -> None:
    """Make sure that all weights a model starts from are here and harmless.

    Args:
        config: The config; every ``init_cfg`` of type ``Pretrained`` and
            every ``pretrained`` in its ``model`` is looked at. Each machine
            fetches once.

    Raises:
        UserError: Weights cannot be had; names the config key and the fix.
    """
    error: UserError | None = None
    if int(os.environ.get('LOCAL_RANK', '0')) == 0:
        try:
            for key, source, prefix in pretrained_sources(config):
                _check_source(key, source, prefix)
        except UserError as found:
            error = found
    raise_together(error)


def fetch_checkpoint(source: str) -> Path:
    """Return a local file for a path or URL, downloading it if needed.

    Args:
        source: A path, ``http(s)://``, ``open-mmlab://`` or
            ``torchvision://``.

    Raises:
        UserError: There is no such file, or the server does not answer.
    """
    url = _resolve(source)
    if urlparse(url).scheme not in ('http', 'https'):
        path = Path(url).expanduser()
        if not path.is_file():
            raise UserError(f'checkpoint {path}: no such file')
        return path
    # The place where torch.utils.model_zoo, which mmengine uses, looks.
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


def _check_source(key: str, source: str, prefix: str | None) -> None:
    without = f'to start without them: --cfg-options {key}=None'
    try:
        content = read_checkpoint(fetch_checkpoint(source))
    except UserError as error:
        raise UserError(
            f'{key}: pretrained weights: {error}; {without}'
        ) from error
    names = content.get('state_dict', content)
    if prefix and not any(str(n).startswith(prefix) for n in names):
        raise UserError(
            f'{key}: pretrained weights {source} have nothing under the '
            f'prefix {prefix!r}; {without}'
        )
