"""Configs by name, wherever one is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl import zoo
from mmmtl.engine.config import load_config
from mmmtl.errors import UserError
from mmmtl.zoo import find_config, ready_configs


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_name_and_a_path_of_the_repository(repo_root: Path) -> None:
    file = repo_root / 'configs/demt/demt_swin-t_nyud.py'
    assert find_config('demt_swin-t_nyud') == file
    assert find_config('configs/demt/demt_swin-t_nyud.py') == file
    assert load_config('demt_swin-t_nyud').filename == str(file)


def test_no_two_configs_share_a_name(repo_root: Path) -> None:
    files = [
        path
        for path in (repo_root / 'configs').glob('*/*.py')
        if path.parent.name != '_base_'
    ]
    assert sorted(ready_configs().values()) == sorted(files)


def test_a_file_goes_before_a_name(tmp_path: Path) -> None:
    own = tmp_path / 'demt_swin-t_nyud'
    own.write_text('model = dict()\n')
    assert find_config('demt_swin-t_nyud') == Path('demt_swin-t_nyud')


def test_an_installed_package_has_them_in_mim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / 'site-packages' / 'mmmtl'
    config = package / '.mim/configs/demt/demt_new.py'
    config.parent.mkdir(parents=True)
    config.write_text('model = dict()\n')
    monkeypatch.setattr(zoo, '__file__', str(package / 'zoo/__init__.py'))
    assert find_config('demt_new') == config
    assert find_config('configs/demt/demt_new.py') == config


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('demt_swin-t_nyu', 'did you mean demt_swin-t_nyud or '),
        ('xxxx', 'comes with the package: `mmmtl models` lists them'),
        ('nowhere/a.py', 'no such file .there is no folder nowhere either'),
    ],
)
def test_an_unknown_name(name: str, text: str) -> None:
    with pytest.raises(UserError, match=text):
        load_config(name)


def test_models_are_listed(mmmtl: Callable) -> None:
    done = mmmtl('models', 'LITE0', 'rooms')
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ['name', 'tasks', 'data', 'parameters', 'weights']
    # Of its card: 3.5 M parameters.
    assert lines[1][0] == 'rooms-lite0'
    assert lines[1][-4:] == ['3465376', 'in', 'the', 'package']
    assert lines[1][1].count(',') == 8
    rest = {line[0]: line[1:] for line in lines[2:]}
    assert rest['demt_efficientnet-lite0_rooms'] == [
        'semseg,depth,normals,edge',
        'data/rooms-128x160',
        '-',
        'none',
    ]


def test_sizes_are_those_of_the_metafiles(mmmtl: Callable) -> None:
    done = mmmtl('models', 'demt_swin-t_nyud-no-queries')
    assert done.out.splitlines()[1].split()[-3:] == [
        'data/NYUDv2',
        zoo_size('demt_swin-t_nyud-no-queries'),
        'none',
    ]


def zoo_size(name: str) -> str:
    """Return what the metafile says, read without a parser."""
    text = (zoo.configs_folder() / 'demt/metafile.yml').read_text()
    entry = text.partition(f'Name: {name}\n')[2]
    return entry.partition('Parameters: ')[2].split()[0]
