"""Wheels and editable installs, made for real from a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOP_LEVEL = (
    'setup.py',
    'pyproject.toml',
    'MANIFEST.in',
    'requirements',
    'requirements.txt',
    'LICENSE',
    'mmmtl',
)
CONFIG = Path('configs/demo/demo.py')


@pytest.fixture
def tree(repo_root: Path, tmp_path: Path) -> Path:
    """Copy what packaging reads, with folders for mim of known content."""
    root = tmp_path / 'tree'
    root.mkdir()
    ignore = shutil.ignore_patterns('__pycache__', '.mim', '*.egg-info')
    for name in TOP_LEVEL:
        source = repo_root / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=ignore)
        else:
            shutil.copy2(source, root / name)
    weights = root / 'mmmtl/zoo/demo/model.safetensors'
    for name in (CONFIG, 'tools/train.py', 'demo/image_demo.py', weights):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text('marker = 1\n')
    (root / 'model-index.yml').write_text('Import: []\n')
    return root


def run(*command: str | Path, cwd: Path, python: Path | None = None) -> str:
    environ = {**os.environ, 'PYTHONWARNINGS': 'ignore'}
    environ.pop('PYTHONPATH', None)
    result = subprocess.run(
        [python or sys.executable, *command],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build_wheel(tree: Path) -> zipfile.ZipFile:
    run(
        *('-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation'),
        *('--quiet', '--wheel-dir', tree.parent / 'wheels', tree),
        cwd=tree.parent,
    )
    (wheel,) = (tree.parent / 'wheels').glob('mmmtl-*.whl')
    return zipfile.ZipFile(wheel)


def read_metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (n for n in wheel.namelist() if n.endswith('/METADATA'))
    return Parser().parsestr(wheel.read(name).decode())


def test_wheel_holds_the_code_and_the_mim_folder(tree: Path) -> None:
    wheel = build_wheel(tree)
    names = set(wheel.namelist())
    modules = {
        path.relative_to(tree).as_posix()
        for path in (tree / 'mmmtl').rglob('*.py')
    }
    # What is missing lies in a folder without __init__.py.
    assert modules - names == set()
    assert 'mmmtl/evaluation/image_lists/pascal_context_seism.txt' in names
    assert 'mmmtl/visualization/pages/viewer.js' in names
    data = ('mmmtl/zoo', 'mmmtl/visualization/pages')
    files = (path for folder in data for path in (tree / folder).rglob('*'))
    shipped = (path for path in files if path.is_file())
    assert {p.relative_to(tree).as_posix() for p in shipped} <= names
    mim = {name for name in names if name.startswith('mmmtl/.mim/')}
    assert mim == {
        'mmmtl/.mim/configs/demo/demo.py',
        'mmmtl/.mim/tools/train.py',
        'mmmtl/.mim/demo/image_demo.py',
        'mmmtl/.mim/model-index.yml',
    }
    folders = {name.split('/')[0] for name in names}
    assert {f for f in folders if not f.endswith('.dist-info')} == {'mmmtl'}


def test_wheel_installs_the_command(tree: Path) -> None:
    wheel = build_wheel(tree)
    (name,) = (n for n in wheel.namelist() if n.endswith('entry_points.txt'))
    scripts = wheel.read(name).decode()
    assert scripts == '[console_scripts]\nmmmtl = mmmtl.cli.app:main\n'


def test_wheel_requires_neither_stack(tree: Path) -> None:
    requires = read_metadata(build_wheel(tree)).get_all('Requires-Dist')
    always = [item for item in requires if 'extra ==' not in item]
    assert always
    assert not [
        item for item in always if item.startswith(('torch', 'mm', 'onedl'))
    ]
    for extra, package in (('onedl', 'onedl-mmcv'), ('openmmlab', 'mmcv')):
        assert [
            item
            for item in requires
            if item.startswith(package) and f'"{extra}"' in item
        ]


def test_wheel_from_the_source_archive_is_the_same(tree: Path) -> None:
    direct = set(build_wheel(tree).namelist())
    code = 'import setuptools.build_meta as b; print(b.build_sdist("dist"))'
    run('-c', code, cwd=tree)
    (archive,) = (tree / 'dist').glob('*.tar.gz')
    shutil.rmtree(tree.parent / 'wheels')
    unpacked = tree.parent / 'unpacked'
    shutil.unpack_archive(archive, unpacked)
    (source,) = unpacked.iterdir()
    source = source.rename(tree.parent / 'source')
    assert set(build_wheel(source).namelist()) == direct


def make_venv(folder: Path) -> Path:
    """Make an environment that sees this one's packages; return its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / 'bin' / 'python'
    query = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    site = Path(run('-c', query, cwd=folder, python=python).strip())
    # Nearest first: a checkout's thin environment, then what it stands on.
    paths = [sysconfig.get_path('purelib'), *sys.path]
    packages = dict.fromkeys(p for p in paths if 'site-packages' in p)
    (site / 'outer.pth').write_text('\n'.join(packages))
    return python


def test_modern_editable_install_links_the_mim_folder(tree: Path) -> None:
    python = make_venv(tree.parent / 'venv')
    run(
        *('-m', 'pip', 'install', '--no-deps', '--no-build-isolation'),
        *('--quiet', '--editable', tree),
        cwd=tree.parent,
        python=python,
    )
    code = (
        'import mmmtl, pathlib; '
        'print((pathlib.Path(mmmtl.__file__).parent / ".mim").resolve())'
    )
    mim = Path(run('-c', code, cwd=tree.parent, python=python).strip())
    assert mim == tree / 'mmmtl' / '.mim'
    (tree / CONFIG).write_text('marker = 2\n')
    assert (mim / CONFIG).read_text() == 'marker = 2\n'
    assert (mim / 'model-index.yml').samefile(tree / 'model-index.yml')


def test_legacy_editable_install_links_the_mim_folder(tree: Path) -> None:
    # The install itself is left to setuptools; what we add comes before it.
    code = (
        'import runpy, sys, setuptools.command.develop as d\n'
        'd.develop.run = lambda self: None\n'
        "sys.argv = ['setup.py', '--quiet', 'develop']\n"
        "runpy.run_path('setup.py', run_name='__main__')"
    )
    run('-c', code, cwd=tree)
    run('-c', code, cwd=tree)  # a second install replaces the links
    mim = tree / 'mmmtl' / '.mim'
    assert sorted(path.name for path in mim.iterdir()) == [
        'configs',
        'demo',
        'model-index.yml',
        'tools',
    ]
    assert (mim / 'tools').is_symlink()
    moved = tree.rename(tree.parent / 'moved')
    assert (moved / 'mmmtl/.mim' / CONFIG).read_text() == 'marker = 1\n'
