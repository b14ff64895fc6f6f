"""A folder appears when it is complete, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmmtl.apis.outputs import save_map
from mmmtl.engine.errors import describe
from mmmtl.errors import DatasetError, UserError
from mmmtl.io.folders import new_file, new_folder, stoppable
from mmmtl.io.id_lists import write_ids
from mmmtl.io.json_file import write_json
from mmmtl.visualization import write_picture
from tests.full_disk import full_disk


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / 'deep' / 'out'
    with new_folder(out) as folder:
        (folder / 'file').write_text('mine')
        assert not out.exists()
        assert folder.parent == out.parent
    assert (out / 'file').read_text() == 'mine'
    assert [path.name for path in out.parent.iterdir()] == ['out']
    assert out.stat().st_mode & 0o700 == 0o700


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_an_error_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def stop(folder: Path) -> None:
        (folder / 'file').touch()
        raise error

    with pytest.raises(error), new_folder(tmp_path / 'out') as folder:
        stop(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    """A tool shows a DatasetError as one line, with exit code 2."""
    (tmp_path / 'notes.txt').write_text('mine')
    with (
        pytest.raises(FileExistsError, match='not empty: remove it') as found,
        new_folder(tmp_path),
    ):
        pass
    assert isinstance(found.value, DatasetError)
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


KILLED = """
import os, signal, sys
from pathlib import Path
from mmmtl.io.folders import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / 'file').touch()
    print(os.getpid(), flush=True)
    sys.stdin.readline()
"""


def test_what_a_killed_process_left_goes_in_the_next_run(
    tmp_path: Path,
) -> None:
    """What a living one writes stays."""
    out = tmp_path / 'out'
    (tmp_path / '.out.original').mkdir()  # somebody else's
    with subprocess.Popen(
        [sys.executable, '-c', KILLED, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        pid = other.stdout.readline().strip()
        match = f'out is in use: process {pid} on'
        with pytest.raises(UserError, match=match), new_folder(out):
            pass
        assert list(tmp_path.glob('.out.*.partial/file'))
        other.kill()
    assert list(tmp_path.glob('.out.*.partial/file'))
    with new_folder(out):
        assert len(list(tmp_path.glob('.out.*.partial'))) == 1
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['.out.original', 'out']


KILLED_FILE = """
import os, sys
from mmmtl.io.folders import new_file
with new_file(sys.argv[1]) as partial:
    partial.touch()
    print(partial.name, flush=True)
    sys.stdin.readline()
"""


def test_what_a_killed_writer_left_goes_with_the_next_file(
    tmp_path: Path,
) -> None:
    """What a living one writes stays, and what another machine does."""
    started = [
        subprocess.Popen(
            [sys.executable, '-c', KILLED_FILE, str(tmp_path / 'a.b.npy')],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    with started[0] as dead, started[1] as living:
        left, written = (
            tmp_path / one.stdout.readline().strip() for one in (dead, living)
        )
        dead.kill()
        dead.wait()
        elsewhere = tmp_path / '.a.b.0badcafe-4194305.partial.npy'
        others = [elsewhere, tmp_path / '.notes.partial.npy']
        for path in others:
            path.touch()
        assert left.exists()
        with new_file(tmp_path / 'c.txt') as partial:
            partial.touch()
        names = {*others, written, tmp_path / 'c.txt'}
        assert set(tmp_path.iterdir()) == names
        living.communicate('go on')
    assert set(tmp_path.iterdir()) == {
        *others,
        *(tmp_path / 'a.b.npy', tmp_path / 'c.txt'),
    }


def write_text(path: Path) -> None:
    with new_file(path) as partial:
        partial.write_text('x' * 20_000)


WRITERS = {
    'a.txt': write_text,
    'b.json': lambda path: write_json(path, dict(x=[0.1] * 5000)),
    'c.png': lambda path: write_picture(
        path, np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)
    ),
    'd.npy': lambda path: save_map(
        path.parents[2], 'depth', 'd', np.ones((99, 99))
    ),
    'e.txt': lambda path: write_ids(path, map(str, range(9000))),
}


@pytest.mark.parametrize('name', WRITERS)
def test_a_full_disk_leaves_the_file_of_before_and_no_part(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / 'maps' / 'depth' / name
    path.parent.mkdir(parents=True)
    path.write_text('before')
    with (
        full_disk(10_000),
        pytest.raises(OSError, match='too large') as caught,
    ):
        WRITERS[name](path)
    assert describe(caught.value) == f'File too large: {path}'
    assert path.read_text() == 'before'
    assert list(path.parent.iterdir()) == [path]
    WRITERS[name](path)
    assert path.stat().st_size > 10_000
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ('number', 'code', 'said'),
    [
        (signal.SIGINT, 130, 'tool.py: stopped, nothing was written\n'),
        (signal.SIGTERM, 143, ''),
    ],
)
def test_a_stopped_tool_cleans_up(
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    number: int,
    code: int,
    said: str,
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with (
            pytest.raises(SystemExit) as stop,
            stoppable('tool.py'),
            new_folder(tmp_path / 'out'),
        ):
            signal.raise_signal(number)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stop.value.code == code
    assert capsys.readouterr().err == said
    assert list(tmp_path.iterdir()) == []
