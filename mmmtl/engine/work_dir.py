"""The folder of a training: who writes there, and where it goes on from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

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
def alone_in(work_dir: str | Path) -> Iterator[None]:
    """Keep other trainings out of a folder; processes of one run share it.

    Args:
        work_dir: The folder; it is made if needed, and goes again if it is
            new and stays empty, because the run was refused.

    Raises:
        UserError: Another training writes there.
    """
    folder = Path(work_dir)
    with ExitStack() as stack:
        with together():
            if is_main_process():
                if not folder.exists():
                    stack.callback(_remove_if_empty, folder)
                lock = locked(folder / LOCK, f'work folder {work_dir}')
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
    taken. Those with a higher number are of another run, or were being
    written when the run was killed.

    Args:
        config: The config of the run.

    Returns:
        The path, or None if the folder holds no checkpoint; lines to log.

    Raises:
        UserError: Nothing says which checkpoint is the latest, or none can
            be read.
    """
    folder, saved = _saved(config)
    pointer = Path(config.work_dir, POINTER)
    if not pointer.is_file():
        if not saved:
            return None, [f'nothing to resume in {folder}: starting anew']
        newest = saved[max(saved)]
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
    if named not in saved.values():
        notes = [f'{pointer} names {text!r}, which is not in {folder}']
    limit = max(map(int, re.findall(r'\d+', named.name)), default=0)
    for step in sorted(saved, reverse=True):
        if text and step > limit:
            continue
        try:
            read_ahead(str(saved[step]))
        except UnreadableCheckpointError as error:
            notes.append(f'passing over a damaged checkpoint: {error}')
            continue
        return str(saved[step]), [*notes, f'resuming {saved[step]}']
    raise UserError(
        f'--resume: {"; ".join(notes)}; no earlier checkpoint is left: start '
        'anew in another --work-dir'
    )


def _saved(config: Config) -> tuple[Path, dict[int, Path]]:
    """Return where checkpoints are written, and those there by number."""
    hook = (config.get('default_hooks') or {}).get('checkpoint') or {}
    folder = Path(config.work_dir)
    if hook.get('out_dir') is not None:
        folder = Path(hook['out_dir'], folder.resolve().name)
    name = r'(?:iter|epoch)_(\d+)\.pth'
    if hook.get('filename_tmpl'):
        name = re.escape(hook['filename_tmpl']).replace(r'\{\}', r'(\d+)')
    found = {path: re.fullmatch(name, path.name) for path in folder.glob('*')}
    return folder, {int(m[1]): path for path, m in found.items() if m}
