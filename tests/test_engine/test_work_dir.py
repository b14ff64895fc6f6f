"""Which checkpoint a folder goes on from, and who may write there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmmtl.engine.work_dir import (
    LOCK,
    alone_in,
    checkpoint_folder,
    settle_resume,
)
from mmmtl.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A work folder with checkpoints 2, 4 and 6; 4 is noted as the latest."""
    path = tmp_path / 'run'
    path.mkdir()
    for step in (2, 4, 6):
        content = dict(meta=dict(iter=step), x=torch.ones(1000))
        torch.save(content, path / f'iter_{step}.pth')
    (path / 'best_depth_rmse_iter_3.pth').touch()
    (path / 'last_checkpoint').write_text(str(path / 'iter_4.pth'))
    return path


def settle(folder: Path, **changes: object) -> tuple[Config, str]:
    config = Config(dict(work_dir=str(folder), resume='auto') | changes)
    return config, '\n'.join(settle_resume(config))


def test_what_is_noted_as_the_latest_is_taken(folder: Path) -> None:
    """A higher number was being written when the run was killed."""
    config, notes = settle(folder)
    assert config.load_from == str(folder / 'iter_4.pth')
    assert notes == f'resuming {folder / "iter_4.pth"}'
    assert config.resume is True


@pytest.mark.parametrize('way', [shutil.copytree, shutil.move])
def test_a_copied_or_moved_folder_goes_on_from_itself(
    folder: Path, way: Callable
) -> None:
    other = folder.with_name('other')
    way(folder, other)
    config, notes = settle(other)
    assert config.load_from == str(other / 'iter_4.pth')
    assert notes == f'resuming {other / "iter_4.pth"}'


def test_a_damaged_checkpoint_is_passed_over(folder: Path) -> None:
    with (folder / 'iter_4.pth').open('r+b') as file:
        file.truncate(1000)
    config, notes = settle(folder)
    assert config.load_from == str(folder / 'iter_2.pth')
    assert 'passing over a damaged checkpoint' in notes
    assert 'iter_4.pth cannot be read' in notes


def test_the_only_one_damaged_is_no_new_start(folder: Path) -> None:
    for step in (2, 4):
        (folder / f'iter_{step}.pth').write_bytes(b'PK')
    with pytest.raises(UserError, match=r'iter_4.*iter_2.*no earlier'):
        settle(folder)


def test_a_noted_checkpoint_that_is_gone(folder: Path) -> None:
    (folder / 'iter_4.pth').unlink()
    config, notes = settle(folder)
    assert config.load_from == str(folder / 'iter_2.pth')
    assert 'which is not in' in notes


def test_a_note_cut_off_by_a_full_disk(folder: Path) -> None:
    """Mmengine empties the file before it writes."""
    (folder / 'last_checkpoint').write_text('')
    assert settle(folder)[0].load_from == str(folder / 'iter_6.pth')


def test_checkpoints_without_a_note_are_refused(folder: Path) -> None:
    (folder / 'last_checkpoint').unlink()
    with pytest.raises(UserError, match=r'--resume .*/iter_6\.pth'):
        settle(folder)


def test_an_empty_folder_starts_from_the_weights_of_the_config(
    tmp_path: Path,
) -> None:
    config, notes = settle(tmp_path, load_from='start.pth')
    assert (config.resume, config.load_from) == (False, 'start.pth')
    assert 'nothing to resume' in notes


def test_a_folder_and_names_of_their_own(folder: Path) -> None:
    hook = dict(out_dir=str(folder.parent / 'out'), filename_tmpl='v2_{}.pth')
    out = folder.parent / 'out' / 'run'
    out.mkdir(parents=True)
    (folder / 'iter_4.pth').rename(out / 'v2_4.pth')
    (folder / 'last_checkpoint').write_text(str(out / 'v2_4.pth'))
    config, _ = settle(folder, default_hooks=dict(checkpoint=hook))
    assert config.load_from == str(out / 'v2_4.pth')


HOLD = """
import os, sys, time
from mmmtl.io.folders import locked
with locked(__import__('pathlib').Path(sys.argv[1]), 'x'):
    child = os.fork()  # as a loader process, which outlives a kill
    if not child:  # by now it has let go of the lock
        print(os.getppid(), os.getpid(), flush=True)
    time.sleep(60)
"""


def test_a_second_training_is_refused_until_the_first_is_dead(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, '-c', HOLD, str(tmp_path / LOCK)],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        pid, child = other.stdout.readline().split()
        try:
            match = rf'{tmp_path} is in use: process {pid} on \S+'
            with pytest.raises(UserError, match=match), alone_in(tmp_path):
                pass
            other.kill()
            other.wait()
            assert (tmp_path / LOCK).is_file()  # left behind, locks nothing
            with alone_in(tmp_path):
                pass
        finally:
            other.kill()
            subprocess.run(['kill', '-9', child], check=True)
    assert not (tmp_path / LOCK).exists()


def test_a_signal_between_epochs_is_gone_on_from(folder: Path) -> None:
    """Its checkpoint counts iterations, those of the run count epochs."""
    for step in (2, 4, 6):
        (folder / f'iter_{step}.pth').rename(folder / f'epoch_{step}.pth')
    (folder / 'epoch_4.pth').rename(folder / 'iter_4.pth')
    (folder / 'epoch_6.pth').rename(folder / 'epoch_4.pth')
    for latest in ('iter_4.pth', 'epoch_4.pth'):
        (folder / 'last_checkpoint').write_text(str(folder / latest))
        config, notes = settle(folder)
        assert config.load_from == str(folder / latest)
        assert 'not in' not in notes
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_4.pth'))
    (folder / 'iter_4.pth').write_bytes(b'PK')
    assert settle(folder)[0].load_from == str(folder / 'epoch_4.pth')


def test_a_signal_under_names_of_ones_own(folder: Path) -> None:
    hook = dict(filename_tmpl='step_{}.pth')
    (folder / 'iter_2.pth').rename(folder / 'step_2.pth')
    config, notes = settle(folder, default_hooks=dict(checkpoint=hook))
    assert config.load_from == str(folder / 'iter_4.pth')
    assert 'not in' not in notes


def test_a_folder_of_checkpoints_is_locked_too(tmp_path: Path) -> None:
    hook = dict(out_dir=str(tmp_path / 'out'))
    runs = [
        Config(
            dict(
                work_dir=str(tmp_path / place / 'run'),
                default_hooks=dict(checkpoint=hook),
            )
        )
        for place in ('a', 'b')
    ]
    first, second = map(checkpoint_folder, runs)
    assert first == second == tmp_path / 'out' / 'run'
    with (
        alone_in(runs[0].work_dir, first),
        pytest.raises(UserError, match='in use'),
        alone_in(runs[1].work_dir, second),
    ):
        pass
    with alone_in(tmp_path, tmp_path):
        pass
