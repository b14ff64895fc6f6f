"""A folder appears when it is complete, or not at all."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from mmmtl.errors import DatasetError
from mmmtl.io.folders import new_folder, stoppable


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
