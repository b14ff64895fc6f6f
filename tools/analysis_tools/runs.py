"""Trainings and tests as processes of their own, for the tools beside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmmtl.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

TOOLS = Path(__file__).resolve().parents[1]


def train_and_test(
    config: Config,
    folder: Path,
    *,
    seed: int | None = None,
    processes: int = 1,
    total_batch: int | None = None,
    collect: bool = False,
) -> Path:
    """Train a config and test its last checkpoint, unless that was done.

    Args:
        config: The config. It is written beside the folder.
        folder: Work folder; an unfinished training there goes on.
        seed: Of the training; the config's if None.
        processes: One per GPU.
        total_batch: Samples per optimizer step; the config's if None.
        collect: Train nothing.

    Returns:
        The results file.

    Raises:
        UserError: A run of another config lies there, a tool failed, or
            there is nothing to collect.
    """
    from mmengine.runner import find_latest_checkpoint

    from mmmtl.io.folders import new_file

    # Beside the folder: mmengine writes its own copy into it.
    out = folder / 'results.json'
    file = folder.with_name(f'{folder.name}.py')
    text = config.pretty_text
    if file.is_file() and file.read_text(encoding='utf-8') != text:
        raise UserError(
            f'{file} is another config than the one to run now: give another '
            f'--work-dir, or remove it and {folder}'
        )
    if out.is_file():
        return out
    if collect:
        raise UserError(
            f'--collect: {out} is not there; leave --collect out to train, '
            'or name a results file with --results'
        )
    folder.mkdir(parents=True, exist_ok=True)
    with new_file(file) as partial:
        partial.write_text(text, encoding='utf-8')
    rest = ['--work-dir', str(folder), '--resume']
    if total_batch is not None:
        rest += ['--total-batch', str(total_batch)]
    if seed is not None:
        rest += ['--seed', str(seed)]
    _tool('train', file, rest, processes)
    checkpoint = find_latest_checkpoint(str(folder))
    if checkpoint is None:
        raise UserError(f'training left no checkpoint in {folder}')
    rest = [checkpoint, '--work-dir', str(folder), '--out', str(out)]
    _tool('test', file, rest, processes)
    return out


def _tool(name: str, config: Path, rest: list[str], processes: int) -> None:
    """Run the train or the test tool, on several processes if wanted."""
    if processes == 1:
        script = str(TOOLS / f'{name}.py')
        _run(sys.executable, script, str(config), *rest)
        return
    os.environ.setdefault('PYTHON', sys.executable)
    # The number of processes stands behind the positional arguments.
    place = 1 if name == 'test' else 0
    script = str(TOOLS / f'dist_{name}.sh')
    rest = [*rest[:place], str(processes), *rest[place:]]
    _run('bash', script, str(config), *rest)


def _run(*command: str) -> None:
    """Run a tool and stop if it fails; its output goes where ours goes."""
    # Not under the launcher's variables of a surrounding run.
    code = subprocess.run(command, env=dict(os.environ)).returncode
    if code:
        raise UserError(f'{" ".join(command)} ended with exit code {code}')
