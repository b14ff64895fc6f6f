"""The table of commands: quick help, one line for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.cli.app import COMMANDS

HEAVY = ('torch', 'mmengine', 'numpy', 'cv2', 'mmcv', 'mmseg', 'scipy')
LOOK = (
    'import json, sys, time\n'
    '{code}\n'
    'found = [name for name in {heavy} if name in sys.modules]\n'
    'print(json.dumps([found, time.process_time()]))'
)


def look(code: str, cwd: Path) -> tuple[list[str], float]:
    """Return the heavy modules that code loads, and its processor time."""
    done = subprocess.run(
        [sys.executable, '-c', LOOK.format(code=code, heavy=HEAVY)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    found, seconds = json.loads(done.stdout.splitlines()[-1])
    return found, seconds


@pytest.mark.parametrize(
    'code',
    [
        'import mmmtl; dir(mmmtl)',
        'from mmmtl.cli.app import main; main(["--help"])',
        *(
            f'from mmmtl.cli.app import main; main(["{name}", "--help"])'
            for name in ('train', 'check')
        ),
    ],
)
def test_help_is_quick_and_loads_nothing_heavy(
    code: str, tmp_path: Path
) -> None:
    # Again where other processes of the machine may have slowed this one.
    for _ in range(3):
        found, seconds = look(code, tmp_path)
        assert found == []
        if seconds < 0.5:
            break
    assert seconds < 0.5


def test_no_command_loads_anything_heavy_for_its_help(tmp_path: Path) -> None:
    lines = [
        'from mmmtl.cli.app import main',
        *(f'main(["{c.__name__}", "--help"])' for c in COMMANDS),
    ]
    assert look('\n'.join(lines), tmp_path)[0] == []


@pytest.mark.parametrize('command', COMMANDS)
def test_the_help_pages_say_what_the_function_says(
    command: Callable, mmmtl: Callable
) -> None:
    first = ' '.join(command.__doc__.split('\n\n')[0].split())
    for arguments in (['--help'], [command.__name__, '--help']):
        done = mmmtl(*arguments)
        assert done.code == 0
        assert first in ' '.join(done.out.replace('│', ' ').split())


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (['trai'], 'Did you mean "train"? Available'),
        (['train'], 'requires an argument. See: mmmtl train --help'),
        (['train', 'x', '--seed', 'y'], 'Invalid value for --seed'),
        (['train', 'x', '--sed', '1'], 'Did you mean --seed?'),
        (['predict', 'rooms-lite0', '--out-dir', 'o'], 'name a picture'),
        (['check'], 'give DIR --dataset NAME, or --config CONFIG'),
        (['check', 'x', '--dataset', 'nyu'], "did you mean 'nyud'"),
        (['models', 'yolo'], 'no model has yolo in its name'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    mmmtl: Callable, arguments: list[str], text: str
) -> None:
    done = mmmtl(*arguments)
    assert done.code == 2
    assert done.err.startswith('error: ')
    assert done.err.count('\n') == 1
    assert text in done.err


def test_traceback_is_shown_where_it_is_asked_for(mmmtl: Callable) -> None:
    with pytest.raises(ValueError, match='no model has yolo'):
        mmmtl('models', 'yolo', '--traceback')


def test_ctrl_c_is_one_line(
    mmmtl: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr('mmmtl.zoo.ready_configs', interrupted)
    done = mmmtl('models')
    assert (done.code, done.err) == (130, 'mmmtl: stopped\n')


def test_output_that_nobody_reads_ends_it_quietly(tmp_path: Path) -> None:
    """As in ``mmmtl models | head -1``; --help is rich's to end."""
    code = (
        'import sys\n'
        'from mmmtl import zoo\n'
        'from mmmtl.cli.app import main\n'
        'zoo.ready_configs = lambda: print("x" * 100_000)\n'
        'sys.exit(main(["models"]))'
    )
    running = subprocess.Popen(
        [sys.executable, '-c', code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running.stdout.close()
    with running.stderr as errors:
        assert errors.read() == b''
    assert running.wait() == 141


def test_another_broken_pipe_is_shown(
    mmmtl: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise BrokenPipeError

    monkeypatch.setattr('mmmtl.zoo.ready_configs', broken)
    with pytest.raises(BrokenPipeError):
        mmmtl('models')


def test_the_package_runs_as_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'mmmtl', 'models', 'yolo'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert 'no model has yolo' in done.stderr


def test_version(mmmtl: Callable) -> None:
    from mmmtl import __version__

    assert mmmtl('--version').out == f'{__version__}\n'
