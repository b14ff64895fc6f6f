"""The converter of NYU Depth v2, as users call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_datasets.test_nyud.nyud_mat import (
    write_class_map,
    write_labeled,
    write_splits,
)

TOOL = 'dataset_converters/nyud.py'


@pytest.fixture
def arguments(tmp_path: Path) -> list[str | Path]:
    pytest.importorskip('h5py', reason='the converter reads HDF5 with h5py')
    write_class_map(tmp_path / 'classes.mat')
    return [
        write_labeled(tmp_path / 'labeled.mat', frames=2),
        tmp_path / 'out' / 'NYUDv2',
        '--splits',
        write_splits(tmp_path / 'splits.mat', [1], [2]),
        '--classes',
        tmp_path / 'classes.mat',
        '--workers',
        '1',
    ]


def test_it_says_what_it_wrote(
    run_tool: Callable, arguments: list[str | Path]
) -> None:
    done = run_tool(TOOL, *arguments)
    assert done.code == 0, done.err
    out = arguments[1]
    assert f'1 train, 1 val frames written to {out}' in done.out
    files = {p.relative_to(out).as_posix() for p in out.rglob('*.*')}
    assert {'images/0001.png', 'depth/0002.npy', 'meta.json'} <= files
    assert (out / 'gt_sets/val.txt').read_text() == '0002\n'
    again = run_tool(TOOL, *arguments)
    assert again.code == 2
    assert 'not empty: remove it or name another folder' in again.err


def test_the_other_layout(
    run_tool: Callable, arguments: list[str | Path]
) -> None:
    done = run_tool(TOOL, *arguments, '--layout', 'nyud-mt')
    assert done.code == 0, done.err
    out = arguments[1]
    found = {p.relative_to(out).as_posix() for p in out.rglob('0001.*')}
    assert 'images/0001.jpg' in found
    assert 'normals/0001.npy' in found
    assert 'normals/0001.png' not in found


def test_bad_input_is_one_line(
    run_tool: Callable, arguments: list[str | Path], tmp_path: Path
) -> None:
    done = run_tool(TOOL, tmp_path / 'absent.mat', *arguments[1:])
    assert done.code == 2
    assert done.err == f'error: {tmp_path}/absent.mat: no such file\n'
    assert not (tmp_path / 'out').exists()
