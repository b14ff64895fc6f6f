"""The verification tool, as users call it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.registry import DATASETS
from mmmtl.rooms.produce import produce
from mmmtl.tasks import task
from tests.test_datasets.nyud_folder import stored_arrays, write_file

TOOL = 'dataset_converters/verify.py'


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    out = tmp_path / 'rooms'
    produce(order_rooms('nyud', 1, 1, 32, 40, seed=5), out)
    return out


def test_sound_folder(run_tool: Callable, rooms: Path, tmp_path: Path) -> None:
    out = tmp_path / 'report' / 'rooms.json'
    done = run_tool(
        TOOL, rooms, '--dataset', 'rooms', '--workers', 1, '--out', out
    )
    assert done.code == 0, done.err
    assert 'train 1, val 1 samples, 10 files' in done.out
    assert 'No problem found.' in done.out
    report = json.loads(out.read_text())
    assert report['ok'] is True
    assert report['statistics']['depth']['maps'] == 2


def test_broken_folder(run_tool: Callable, rooms: Path) -> None:
    (rooms / 'edge/0001.png').unlink()
    write_file(rooms, 'semseg', '0002', stored_arrays((31, 40))['semseg'])
    done = run_tool(TOOL, rooms, '--dataset', 'rooms', '--workers', 1)
    assert done.code == 1, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert ['missing', 'edge', '1', 'edge/0001.png'] in lines
    assert ['size', 'semseg', '1', 'segmentation/0002.png'] in lines
    assert '2 problems found.' in done.out
    some = ['--split', 'val', '--tasks', 'depth', 'normals']
    done = run_tool(TOOL, rooms, '--dataset', 'rooms', '--workers', 1, *some)
    assert done.code == 0
    assert 'val 1 samples, 3 files' in done.out


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (['--dataset', 'nyudv'], "did you mean 'nyud'"),
        (['--tasks', 'saliency'], "no labels for ['saliency']"),
        (['--split', 'test'], 'gt_sets/test.txt is missing'),
        (['--workers', '0'], '0 workers: give 1 or more'),
        (['--out', '.'], 'is a folder: name a file'),
    ],
)
def test_wrong_command_is_one_line(
    run_tool: Callable, rooms: Path, change: list[str], message: str
) -> None:
    call = [rooms, '--dataset', 'rooms', '--workers', '1', *change]
    done = run_tool(TOOL, *call)
    assert done.code == 2
    (line,) = done.err.strip().splitlines()
    assert line.startswith('error: ')
    assert message in line


def test_options_reach_the_data_set(
    run_tool: Callable, tmp_path: Path
) -> None:
    root, out = tmp_path / 'rooms', tmp_path / 'out.json'
    produce(order_rooms('taskonomy', 1, 1, 32, 40, seed=5), root)
    call = [root, '--dataset', 'rooms', '--workers', '1', '--out', out]
    median = []
    for options in ([], ['--options', 'depth_scale=1024']):
        done = run_tool(TOOL, *call, '--tasks', 'depth', *options)
        assert done.code == 0, done.err
        statistics = json.loads(out.read_text())['statistics']
        median.append(statistics['depth']['median'])
    assert median[1] == pytest.approx(median[0] / 2)  # 512 by default
    done = run_tool(TOOL, *call, '--options', 'depth_scal=1024')
    assert done.code == 2
    assert "no option 'depth_scal': did you mean 'depth_scale'" in done.err


@pytest.mark.slow  # a fresh process, which starts two
def test_nothing_but_the_report_is_printed(
    repo_root: Path, rooms: Path
) -> None:
    """Neither the parent's imports nor the workers' say anything."""
    done = subprocess.run(
        [
            *(sys.executable, repo_root / 'tools' / TOOL, rooms),
            *('--dataset', 'rooms', '--workers', '2'),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith('NYUDv2Dataset in ')
    assert 'Could not import' not in done.stdout + done.stderr


CONFIG = """
custom_imports = dict(imports=['own_bridges'], allow_failed_imports=False)
new_tasks = dict(cracks=dict(kind='binary'))
train_dataloader = dict(
    dataset=dict(
        type='Bridges',
        data_root={root!r},
        split='train',
        tasks=['depth', 'normals', 'cracks'],
        pipeline=[dict(type='LoadImageFromFile')],
        image='images/{{}}.png',
        labels=dict(
            depth='depth/{{}}.npy',
            normals=dict(path='normals/{{}}.png', axes={axes!r}),
            cracks='edge/{{}}.png'),
        splits=dict(train='gt_sets/train.txt', val='gt_sets/val.txt')))
val_dataloader = None
"""
MODULE = """
from mmmtl.datasets import FolderDataset
from mmmtl.registry import DATASETS


@DATASETS.register_module()
class Bridges(FolderDataset):
    pass
"""


def test_config_of_a_class_of_ones_own(
    run_tool: Callable,
    rooms: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'own_bridges.py').write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    # What the config adds is gone after the test.
    for table in (task._TABLE, task._FIELDS, DATASETS._module_dict):
        for name in ('cracks', 'gt_cracks', 'pred_cracks', 'Bridges'):
            monkeypatch.setitem(table, name, None)
            del table[name]
    config = tmp_path / 'bridges.py'
    config.write_text(CONFIG.format(root=str(rooms), axes='left up towards'))
    done = run_tool(TOOL, '--config', config, '--workers', 2)
    assert done.code == 0, done.err + done.out
    assert 'Bridges in' in done.out
    assert 'train 1 samples, 4 files' in done.out
    config.write_text(CONFIG.format(root=str(rooms), axes='left down towards'))
    done = run_tool(TOOL, '--config', config, '--workers', 1)
    assert done.code == 1, done.err
    assert 'these look like another frame' in done.out
    done = run_tool(TOOL, rooms, '--config', config)
    assert done.code == 2
    assert 'DATA_ROOT and --dataset NAME, or --config FILE' in done.err


def test_an_option_without_a_value_is_named(
    run_tool: Callable, tmp_path: Path
) -> None:
    result = run_tool(TOOL, tmp_path, '--dataset', 'nyud', '--options', 'x')
    assert result.code == 2
    assert 'error: --options x: write KEY=VALUE' in result.err
