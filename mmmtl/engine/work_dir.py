"""The folder of a training: who writes there, and where it goes on from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, is_main_process

from mmmtl.engine.checkpoint import UnreadableCheckpointError
from mmmtl.engine.distributed import together
from mmmtl.engine.weights import read_ahead
from mmmtl.errors import UserError
from mmmtl.io.folders import locked

LOCK = '.train.lock'
POINTER = 'last_checkpoint'  # as mmengine calls it


@contextmanager
def alone_in(*folders: str | Path) -> Iterator[None]:
    """Keep other trainings out of folders; processes of one run share them.

    Args:
        folders: Work folder and :func:`checkpoint_folder`, which may be the
            same; they are made if needed, and go again if they are new and
            stay empty, because the run was refused.

    Raises:
        UserError: Another training writes there.
    """
    with ExitStack() as stack:
        with together():
            for folder in dict.fromkeys(map(Path, folders)):
                if not is_main_process():
                    continue
                if not folder.exists():
                    stack.callback(_remove_if_empty, folder)
                lock = locked(folder / LOCK, f'work folder {folder}')
                stack.enter_context(lock)
        yield


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def settle_resume(config: Config) -> list[str]:
    """Write into a config which checkpoint its training goes on from.

    Args:
        config: Where ``resume`` is ``'auto'``, or True without a
            ``load_from``, the latter becomes the latest checkpoint in the
            folder. If there is none, ``resume`` becomes False, and a
            ``load_from`` goes on to be what the training starts from.

    Returns:
        Lines to log.

    Raises:
        UserError: See :func:`latest_checkpoint`.
    """
    resume, start = config.get('resume'), config.get('load_from')
    if not resume:
        return []
    if resume != 'auto' and start:
        return [f'resuming {start}']
    # One process looks for all: on another machine a file may look damaged.
    found: list = [None, []]
    with together():
        if is_main_process():
            found = list(latest_checkpoint(config))
    broadcast_object_list(found)
    latest, notes = found
    config.resume = latest is not None
    config.load_from = latest or start
    return notes


def latest_checkpoint(config: Config) -> tuple[str | None, list[str]]:
    """Find the checkpoint to go on from, and read it ahead.

    mmengine notes in ``last_checkpoint`` the whole path of a checkpoint once
    it is complete. What counts is its name: in a folder that was copied or
    moved, the file beside is meant. If it is damaged, the one before it is
    taken. Those of its kind with a higher number are of another run, or were
    being written when the run was killed.

    Args:
        config: The config of the run.

    Returns:
        The path, or None if the folder holds no checkpoint; lines to log.

    Raises:
        UserError: Nothing says which checkpoint is the latest, or none can
            be read.
    """
    folder, saved = checkpoint_folder(config), _saved(config)
    pointer = Path(config.work_dir, POINTER)
    if not pointer.is_file():
        if not saved:
            return None, [f'nothing to resume in {folder}: starting anew']
        newest = _candidates(saved, None)[0]
        raise UserError(
            f'--resume: {folder} holds {newest.name}, but no file '
            f'{POINTER} that says which checkpoint to go on from: name one '
            f'(--resume {newest}), or start anew in another --work-dir'
        )
    text = pointer.read_text('utf-8').strip()
    if '://' in text:  # on a server: mmengine's to read
        return text, [f'resuming {text}']
    named = folder / Path(text).name
    notes = []
    if text and not named.is_file():
        notes = [f'{pointer} names {text!r}, which is not in {folder}']
    for path in _candidates(saved, named if text else None):
        try:
            read_ahead(str(path))
        except UnreadableCheckpointError as error:
            notes.append(f'passing over a damaged checkpoint: {error}')
            continue
        return str(path), [*notes, f'resuming {path}']
    raise UserError(
        f'--resume: {"; ".join(notes)}; no earlier checkpoint is left: start '
        'anew in another --work-dir'
    )


def checkpoint_folder(config: Config) -> Path:
    """Return where mmengine writes the checkpoints of a training."""
    hook = (config.get('default_hooks') or {}).get('checkpoint') or {}
    folder = Path(config.work_dir)
    if hook.get('out_dir') is None:
        return folder
    return Path(hook['out_dir'], folder.resolve().name)


class _Saved(NamedTuple):
    """A checkpoint.

    Attributes:
        pattern: Its name but for the number.
        number: Of iterations or epochs.
        path: The file.
    """

    pattern: str
    number: int
    path: Path


def _saved(config: Config) -> list[_Saved]:
    """Return the checkpoints of a training, those of signals among them."""
    hook = (config.get('default_hooks') or {}).get('checkpoint') or {}
    patterns = ['iter_{}.pth', 'epoch_{}.pth', hook.get('filename_tmpl')]
    return [
        _Saved(pattern, int(match[1]), path)
        for path in checkpoint_folder(config).glob('*')
        for pattern in dict.fromkeys(filter(None, patterns))
        if (match := re.fullmatch(_number_in(pattern), path.name))
    ]


def _number_in(pattern: str) -> str:
    return re.escape(pattern).replace(r'\{\}', r'(\d+)')


def _candidates(saved: list[_Saved], named: Path | None) -> list[Path]:
    """Return what may be resumed, the best first.

    Iterations and epochs are not compared: after the file that is named come
    those of its kind, then the others.

    Args:
        saved: All checkpoints.
        named: The latest one, where that is known.
    """
    kind, limit = '', math.inf
    for pattern in dict.fromkeys(item.pattern for item in saved):
        if named and (match := re.fullmatch(_number_in(pattern), named.name)):
            kind, limit = pattern, int(match[1])
    first = sorted(
        saved, key=lambda s: (s.pattern == kind, s.number), reverse=True
    )
    return [s.path for s in first if s.pattern != kind or s.number <= limit]
