"""The tools that list the samples of a download, as users call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from mmmtl.datasets import CityscapesMTDataset, TaskonomyDataset
from tests.test_datasets.cityscapes_folder import (
    FILES,
    TRAIN,
    VAL,
    write_cityscapes,
)
from tests.test_datasets.taskonomy_folder import path_of, write_taskonomy
from tests.test_datasets.test_taskonomy.test_cocodoom_conversion import (
    write_archive,
)

TASKONOMY = 'dataset_converters/taskonomy.py'
CITYSCAPES = 'dataset_converters/cityscapes.py'
COCODOOM = 'dataset_converters/cocodoom.py'
TABLE = 'id,train,val,test\nadams,1,0,0\nberry,0,1,0\nclark,0,0,1\n'


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file()
    }


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / 'tiny.csv'
    path.write_text(TABLE)
    return path


def test_taskonomy(tmp_path: Path, table: Path, run_tool: Callable) -> None:
    root, out = write_taskonomy(tmp_path / 'data'), tmp_path / 'lists'
    path_of(root, 'normals', 'adams/point_7_view_0').unlink()
    path_of(root, 'semseg', 'adams/point_0_view_1').unlink()
    before = files(root)
    ended = run_tool(TASKONOMY, root, out, '--buildings', table)
    assert ended.code == 2
    assert '1 buildings of the table have no image' in ended.err
    assert 'clark' in ended.err
    assert not out.exists()
    call = (TASKONOMY, root, out, '--buildings', table, '--allow-missing')
    ended = run_tool(*call)
    assert ended.code == 0, ended.err
    assert 'train.txt: 1 views; 1 left out for a missing label' in ended.out
    assert {p.name: p.read_text() for p in out.iterdir()} == {
        'train.txt': 'adams/point_0_view_1\n',
        'val.txt': 'berry/point_0_view_1\n',
        'test.txt': '',
    }
    # 900 + 2500 x column steps of 1/512 m: 38 m, or 4.8 m in finer steps.
    assert 'depth_scale=4096' in ended.out
    assert files(root) == before
    dataset = TaskonomyDataset(
        root, split='val', split_root=out, tasks=['depth'], pipeline=[]
    )
    assert len(dataset) == 1
    assert run_tool(*call).code == 2


def test_taskonomy_refuses(
    tmp_path: Path, table: Path, run_tool: Callable
) -> None:
    out = tmp_path / 'lists'
    ended = run_tool(TASKONOMY, tmp_path / 'absent', out)
    assert (ended.code, 'is no folder' in ended.err) == (2, True)
    root = write_taskonomy(tmp_path / 'data')
    ended = run_tool(TASKONOMY, root, out)
    assert (ended.code, 'give --buildings' in ended.err) == (2, True)
    call = (TASKONOMY, root, out, '--buildings', table, '--allow-missing')
    ended = run_tool(*call, '--layout', 'building')
    assert ended.code == 2
    assert "layout 'building'" in ended.err
    ended = run_tool(*call, '--exclude', 'adams', '--tasks', 'depth')
    assert ended.code == 0, ended.err
    assert (out / 'train.txt').read_text() == ''


def test_replica_has_its_division_built_in(
    tmp_path: Path, run_tool: Callable
) -> None:
    for scene in ('room_0', 'office_0', 'room_1'):
        path = tmp_path / f'data/rgb/replica/{scene}'
        path.mkdir(parents=True)
        (path / 'point_1_view_2_domain_rgb.png').touch()
    ended = run_tool(
        *(TASKONOMY, tmp_path / 'data', tmp_path / 'lists'),
        *('--dataset', 'replica', '--allow-missing', '--tasks', 'semseg'),
    )
    assert ended.code == 0, ended.err
    found = {p.stem: p.read_text() for p in (tmp_path / 'lists').iterdir()}
    assert found == {
        'train': 'room_0/point_1_view_2\n',
        'val': 'office_0/point_1_view_2\n',
        'test': 'room_1/point_1_view_2\n',
    }


def test_cityscapes(tmp_path: Path, run_tool: Callable) -> None:
    root, out = write_cityscapes(tmp_path / 'data'), tmp_path / 'lists'
    (root / FILES['camera'].format(TRAIN[0])).unlink()
    before = files(root)
    ended = run_tool(CITYSCAPES, root, out)
    assert ended.code == 0, ended.err
    assert 'camera/<image>_camera.json: 1 missing' in ended.out
    assert 'train.txt: 1 images (2975 are published)' in ended.out
    assert (out / 'train.txt').read_text() == f'{TRAIN[1]}\n'
    assert (out / 'val.txt').read_text() == f'{VAL[0]}\n'
    assert files(root) == before
    dataset = CityscapesMTDataset(
        root, split='train', split_root=out, tasks=['depth'], pipeline=[]
    )
    assert len(dataset) == 1
    assert run_tool(CITYSCAPES, root, out).code == 2


def test_cityscapes_refuses(tmp_path: Path, run_tool: Callable) -> None:
    ended = run_tool(CITYSCAPES, tmp_path / 'absent', tmp_path / 'lists')
    assert ended.code == 2
    assert 'leftImg8bit_trainvaltest.zip' in ended.err
    root = write_cityscapes(tmp_path / 'data')
    for path in (root / 'disparity').rglob('*.png'):
        path.unlink()
    ended = run_tool(CITYSCAPES, root, tmp_path / 'lists')
    assert ended.code == 2
    assert 'unpack the missing downloads' in ended.err
    ended = run_tool(CITYSCAPES, root, tmp_path / 'lists', '--tasks', 'semseg')
    assert ended.code == 0, ended.err


def test_cocodoom(tmp_path: Path, run_tool: Callable) -> None:
    archive, out = write_archive(tmp_path / 'cocodoom'), tmp_path / 'out'
    ended = run_tool(COCODOOM, archive, out, '--workers', 1)
    assert ended.code == 0, ended.err
    assert '1 train, 1 val, 1 test images written to' in ended.out
    place = 'rgb/cocodoom/run1_map01/point_000012_view_0_domain_rgb.png'
    with Image.open(out / place) as picture:
        assert picture.size == (320, 200)
    ended = run_tool(COCODOOM, archive, out, '--workers', 1)
    assert (ended.code, 'remove it' in ended.err) == (2, True)
    (archive / 'run-val.json').write_text(json.dumps({}))
    ended = run_tool(COCODOOM, archive, tmp_path / 'two', '--workers', 1)
    assert ended.code == 2
    assert 'run-val.json' in ended.err
    assert ended.err.count('\n') <= 3
