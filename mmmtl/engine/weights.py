"""The one door through which weights come in.

:func:`read_weights` takes a path or URL, downloads what is not here, and
reads it without running code from it. :func:`open_door` makes mmengine, too,
read through it, ``init_cfg=dict(type='Pretrained')`` included.

A download is kept under its whole URL, with its SHA-256 beside: many files
are called ``iter_40000.pth``. What is not whole is never kept.

What a run starts from is read ahead (:func:`read_start_files`), before the
run writes anything, and given away when it is asked for: each file is read
once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlparse

import torch
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import (
    get_external_models,
    get_torchvision_models,
)
from rich.console import Console
from rich.progress import wrap_file
from torch import nn

from mmmtl.engine.checkpoint import (
    Comparison,
    bare_model,
    check_values,
    compare,
    enable_safe_loading,
    file_hash,
    noted_hash,
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
from mmmtl.errors import UserError, did_you_mean
from mmmtl.io.web import is_url, open_url
from mmmtl.models.backbones.plain_names import as_named_in
from mmmtl.registry import WEIGHT_INITIALIZERS

#: Below this share of a module's tensors, the file is taken for another
#: network's. A missing output norm or a window of another size stay legal.
ENOUGH = 0.5
# Initialisers without a row in the registry, and what they take of a file:
# mmseg's VisionTransformer knows this one.
UNREGISTERED = {'Pretrained_Part': 'image_encoder'}
# What was read and not asked for yet, by path and time of change.
_READ: dict[tuple[Path, int], dict[str, Any]] = {}
# The SHA-256 of all that was read, by path or URL as it was asked for.
_HASHES: dict[str, str] = {}


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
    content = read_weights(source)
    print_log(
        f'weights {source} (SHA-256 {hash_of(source)})', logger='current'
    )
    return content


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
    return _read(source, keep=False)


def read_ahead(source: str) -> dict[str, Any]:
    """Read a checkpoint, and keep it until :func:`read_weights` asks."""
    return _read(source, keep=True)


def _read(source: str, *, keep: bool) -> dict[str, Any]:
    path = fetch_checkpoint(source)
    key = path, path.stat().st_mtime_ns
    content = _READ.pop(key, None) or read_checkpoint(path)
    if keep:
        _READ[key] = content
    _HASHES[source] = file_hash(path)
    if source.startswith(TIMM_SCHEMES):
        return name_as_timm_backbone(source, state_dict_of(content, path))
    return content


def hash_of(source: str) -> str | None:
    """Return the SHA-256 of weights as they were read, None if they were not.

    Args:
        source: As it was given to :func:`read_weights`.
    """
    return _HASHES.get(source)


def read_start_files(
    config: Mapping[str, Any], *, pretrained: bool = True
) -> None:
    """Read ahead all weights that a run starts from.

    Args:
        config: Its ``load_from``, and in its ``model`` every ``init_cfg`` of
            type ``Pretrained`` and every ``pretrained`` are looked at. Each
            machine downloads once. See :func:`name_initialisers`, too.
        pretrained: False leaves out those of the ``model``.

    Raises:
        UserError: Weights cannot be had; names the config key and the fix.
    """
    _READ.clear()  # what an earlier run left behind
    if pretrained:
        name_initialisers(config)
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


def name_initialisers(config: Mapping[str, Any]) -> None:
    """Write ``Pretrained`` wherever a config means it, however it is spelled.

    mmengine and the backbones compare the text, to load pretrained weights
    last and not to overwrite them: ``mmengine.Pretrained`` is the same class
    and was another text. Some backbones never look a type up at all.

    Args:
        config: Every ``init_cfg`` in its ``model`` is looked at.

    Raises:
        UserError: There is no initialiser of that type.
    """
    for path, node in _initialisers(config.get('model'), 'model'):
        kind = node['type']
        found = kind
        if isinstance(kind, str) and kind not in UNREGISTERED:
            found = WEIGHT_INITIALIZERS.get(kind.removeprefix('mmmtl.'))
        if found is None:
            known = WEIGHT_INITIALIZERS.root.module_dict
            raise UserError(
                f'{path}: there is no initialiser of type {kind!r}; '
                f'{did_you_mean(kind, known)}'
            )
        if found is PretrainedInit:
            node['type'] = 'Pretrained'


def check_pretrained_fit(config: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse pretrained weights of which less than half fit.

    mmseg's backbones load what fits and say nothing of the rest, so a file of
    another network would leave random weights behind and no error.

    Args:
        config: Says which key asks for which file.
        model: The built model. Every ``init_cfg`` of type ``Pretrained`` that
            a part of it holds is looked at.

    Raises:
        UserError: Names the file, the config key and what differs.
    """
    keys = {source: key for key, source, _ in pretrained_sources(config)}
    for name, part in bare_model(model).named_modules():
        # These rename the tensors of the original Swin files while loading.
        if getattr(part, 'convert_weights', False):
            continue
        own = getattr(part, 'init_cfg', None)
        place = f'model.{name}'.rstrip('.')
        for path, node in _initialisers({'init_cfg': own}, place):
            if node['type'] in (PretrainedInit, 'Pretrained', *UNREGISTERED):
                # What stands under `override` is for one part of the part.
                module = part.get_submodule(node.get('name', ''))
                key = keys.get(node['checkpoint'], path)
                _check_fit(key, node['checkpoint'], _prefix_of(node), module)


def _check_fit(
    key: str, source: str, prefix: str | None, module: nn.Module
) -> None:
    state = state_dict_of(read_ahead(source), source)
    if prefix:
        dot = prefix if prefix.endswith('.') else f'{prefix}.'
        state = {
            name.removeprefix(dot): tensor
            for name, tensor in state.items()
            if name.startswith(dot)
        }
    state = as_named_in(module, state)
    found = compare(module, state)
    total = len(module.state_dict())
    if len(found.matching) < ENOUGH * total:
        raise UserError(
            f'{key}: pretrained weights {source} are of another network: '
            f'{_describe(found, total)}. Fix: name the right file or '
            f'prefix, or start without: --cfg-options {key}=None'
        )
    check_values(module, state, source)
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
    for key, node in _initialisers(config.get('model'), 'model'):
        is_pretrained = node['type'] in ('Pretrained', *UNREGISTERED)
        if is_pretrained and 'checkpoint' in node:
            yield key, node['checkpoint'], _prefix_of(node)
    for path, node in walk_dicts(config.get('model'), 'model'):
        if isinstance(node.get('pretrained'), str):
            yield f'{path}.pretrained', node['pretrained'], None


def _prefix_of(node: Mapping[str, Any]) -> str | None:
    return UNREGISTERED.get(node['type'], node.get('prefix'))


def _initialisers(
    node: Any, path: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the dicts of every ``init_cfg``, with the keys that stop them."""
    for place, found in walk_dicts(node, path):
        # An item of a list of init_cfg is switched off with the list.
        key = place.rstrip('.0123456789')
        if key.endswith(('.init_cfg', '.override')) and 'type' in found:
            yield key, found


def fetch_checkpoint(source: str) -> Path:
    """Return a local file for a path or URL, downloading it if needed.

    A download lies in a folder of its whole URL, and is used again while it
    has the SHA-256 that is noted beside.

    Args:
        source: As in :func:`read_weights`.

    Raises:
        UserError: There is no such file, the server does not answer, or what
            it gives is no checkpoint.
    """
    if source.startswith(TIMM_SCHEMES):
        return fetch_timm_weights(source, fetch_checkpoint)
    url = _resolve(source)
    if not is_url(url):
        path = Path(url).expanduser()
        if not path.is_file():
            raise UserError(f'checkpoint {path}: no such file')
        return path
    name = Path(urlparse(url).path).name or 'weights'
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    # Here other projects keep theirs by name alone: right if it has a hash.
    shared = folder / name
    if shared.is_file() and _hash_in(name) and _has_its_hash(shared):
        return shared
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    cached = folder / 'mmmtl' / key / name
    if not (cached.is_file() and noted_hash(cached) == file_hash(cached)):
        _download(url, cached)
    return cached


def _download(url: str, target: Path) -> None:
    """Write a file and its SHA-256, whole or not at all."""
    print_log(f'downloading {url} to {target}', logger='current')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Processes that download at once write apart, and rename.
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / target.name
            note = Path(folder) / f'{target.name}.sha256'
            _copy(url, part)
            read_checkpoint(part)
            note.write_text(f'{file_hash(part)}  {target.name}\n')
            part.replace(target)
            note.replace(target.with_name(note.name))
    except (OSError, HTTPException, ValueError) as error:
        raise UserError(
            f'cannot download {url}, nothing is kept: {error}'
        ) from error


def _copy(url: str, part: Path) -> None:
    with open_url(url) as answer, part.open('wb') as file:
        length = answer.headers['Content-Length']
        with _shown(answer, length, part.name) as stream:
            shutil.copyfileobj(stream, file)
    size = part.stat().st_size
    if length is not None and size != int(length):
        raise ValueError(f'it ended after {size} of {length} bytes')
    if not _has_its_hash(part):
        raise ValueError(
            f'its SHA-256 {file_hash(part)} does not begin with the '
            f'{_hash_in(part.name)} in its name; if you trust it, download '
            'it yourself and give its path'
        )


def _shown(
    answer: BinaryIO, length: str | None, name: str
) -> AbstractContextManager[BinaryIO]:
    """Return a stream whose reading moves a progress bar on stderr."""
    if length is None or not is_main_process():
        return nullcontext(answer)
    console = Console(stderr=True)
    return wrap_file(answer, int(length), description=name, console=console)


def _has_its_hash(path: Path) -> bool:
    """Compare a file with the hash in its name, if there is one."""
    return file_hash(path).startswith(_hash_in(path.name))


def _hash_in(name: str) -> str:
    """Return the digits of ``resnet50-0676ba61.pth``, '' if there are none."""
    found = re.search(r'-([0-9a-f]{8,64})\.\w+$', name)
    # Not a hash but a date: `swin_20220317.pth`.
    is_date = found and re.fullmatch(r'20\d\d[01]\d[0-3]\d', found[1])
    return '' if found is None or is_date else found[1]


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
