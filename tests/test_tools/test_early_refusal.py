"""What a tool could not do at its end, it refuses at its start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOMS = 'configs/demt/demt_efficientnet-lite0_rooms.py'
EVALUATE = 'analysis_tools/boundary_eval.py'

#: Tool, and its command line up to the file or folder that it writes.
WRITERS = [
    ('test.py', ROOMS, 'no.pth', '--out', '.json'),
    ('test.py', ROOMS, 'no.pth', '--show-dir', ''),
    ('demo.py', '--work-dir', ''),
    ('misc/print_config.py', 'no.py', '--out', '.py'),
    ('new_config.py', 'no', '--tasks', 'depth', '--out', '.py'),
    ('analysis_tools/benchmark.py', 'boundary', '--out', '.json'),
    (EVALUATE, 'a', 'b', '--max-dist=0.1', '--out', '.json'),
    ('analysis_tools/browse_dataset.py', 'no.py', '--out-dir', ''),
    ('analysis_tools/compare.py', 'no.json', '--out', '.md'),
    ('analysis_tools/compare.py', 'no.json', '--chart', '.png'),
    ('analysis_tools/plot_balancing.py', __file__, '--out', '.html'),
    ('analysis_tools/show_queries.py', 'no.py', 'no.png', '--out', '.png'),
    ('analysis_tools/single_task.py', 'no.py', '--out', '.json'),
    ('dataset_converters/verify.py', 'a', '--dataset=nyud', '--out', '.json'),
    ('dataset_converters/cityscapes.py', 'no', ''),
    ('model_converters/authors2mmmtl.py', 'demt', 'no.ckpt', '.pth'),
    ('model_converters/merge_lora.py', 'no.py', 'no.pth', '.pth'),
    ('model_converters/publish.py', 'no.py', 'no.pth', '--out-dir', ''),
    ('../demo/image_demo.py', 'no.png', 'no.py', 'no.pth', '--out-dir', ''),
]


@pytest.mark.parametrize('command', WRITERS, ids=lambda c: f'{c[0]} {c[-2]}')
def test_nothing_is_done_for_results_that_cannot_be_written(
    command: tuple[str, ...], run_tool: Callable, tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('in the way')
    tool, *arguments, ending = command
    target = tmp_path / 'file' / f'deeper{ending}'
    end = run_tool(tool, *arguments, target)
    last = end.err.splitlines()[-1]
    assert f'{target}: {tmp_path / "file"} is no folder to write in' in last
    assert last.startswith('error: ')
    assert end.code == 2


#: Tools that change a config, with what they need besides.
CHANGERS = [
    ('train.py', ROOMS),
    ('test.py', ROOMS, 'no.pth'),
    ('demo.py',),
    ('misc/print_config.py', ROOMS),
    ('analysis_tools/benchmark.py', 'model', ROOMS),
    ('analysis_tools/browse_dataset.py', ROOMS),
    ('analysis_tools/show_queries.py', ROOMS, 'demo/room.png'),
    ('analysis_tools/single_task.py', ROOMS, '--print', 'depth'),
    ('../demo/image_demo.py', 'demo/room.png', ROOMS, '--out-dir', 'no'),
]
SYNTAX = [
    ('lr', '--cfg-options lr: write KEY=VALUE'),
    ('=3', '--cfg-options =3: write KEY=VALUE'),
    ('model..neck=3', '--cfg-options model..neck=3: write KEY=VALUE'),
    ('a.b=(32,48', '--cfg-options a.b=(32,48: the brackets do not match'),
    ('a.b=1,2]', '--cfg-options a.b=1,2]: the brackets do not match'),
]


@pytest.mark.parametrize('command', CHANGERS, ids=lambda c: c[0])
def test_options_of_a_wrong_form_are_one_line(
    command: tuple[str, ...],
    run_tool: Callable,
    repo_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repo_root)
    for option, line in SYNTAX:
        end = run_tool(*command, '--cfg-options', 'resume=False', option)
        assert end.err.splitlines()[-1].startswith(f'error: {line}')
        assert end.code == 2


def test_options_given_twice_count_both(
    run_tool: Callable, repo_root: Path
) -> None:
    """train.py, test.py and image_demo.py dropped the first."""
    end = run_tool(
        *('misc/print_config.py', repo_root / ROOMS),
        *('--cfg-options', 'train_cfg.max_iters=7'),
        *('--cfg-options', 'train_cfg.val_interval=3'),
    )
    assert 'max_iters=7' in end.out
    assert 'val_interval=3' in end.out


@pytest.mark.parametrize(
    'command',
    [
        (
            '../demo/image_demo.py',
            'demo/room.png',
            ROOMS,
            'no.pth',
            '--out-dir',
            'no',
        ),
        ('analysis_tools/show_queries.py', ROOMS, 'demo/room.png'),
        ('analysis_tools/benchmark.py', 'boundary'),
    ],
    ids=lambda c: c[0],
)
@pytest.mark.parametrize('device', ['gpu', 'cuda:99', 'cpu:x', ''])
def test_a_device_that_is_not_there_is_one_line(
    command: tuple[str, ...],
    device: str,
    run_tool: Callable,
    repo_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repo_root)
    end = run_tool(*command, '--device', device)
    assert f'error: device {device!r} cannot be used (' in end.err
    assert end.code == 2
