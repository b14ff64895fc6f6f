from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmmtl import dependency_check
from mmmtl.dependency_check import check_dependencies

ONEDL = {
    'torch': '2.13.0+cu130',
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmsegmentation': '1.4.2',
}
UPSTREAM = {
    'torch': '2.13.0',
    'mmengine': '0.10.7',
    'mmcv': '2.1.0',
    'mmsegmentation': '1.2.2',
}
MODULES = {
    name: dependency.module
    for dependency in dependency_check.DEPENDENCIES
    for name in dependency.distributions
}


class FakeEnvironment:
    """Stand-in for what is installed: distribution name -> version."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.distributions: dict[str, str] = {}
        self.folders: set[str] = set()  # leftovers: folders without code
        self.sources: dict[str, str] = {}  # on the path, not installed
        monkeypatch.setattr(metadata, 'version', self.version)
        monkeypatch.setattr(dependency_check, 'find_spec', self.find_spec)
        monkeypatch.setattr(
            dependency_check.importlib,
            'import_module',
            lambda name: SimpleNamespace(__version__=self.sources[name]),
        )

    def version(self, name: str) -> str:
        if name not in self.distributions:
            raise metadata.PackageNotFoundError(name)
        return self.distributions[name]

    def find_spec(self, module: str) -> ModuleSpec | None:
        installed = {MODULES[name] for name in self.distributions}
        if module in installed or module in self.sources:
            return ModuleSpec(module, None, origin=f'{module}/__init__.py')
        return ModuleSpec(module, None) if module in self.folders else None

    def error(self) -> str:
        with pytest.raises(ImportError) as info:
            check_dependencies()
        assert '\n' not in str(info.value)
        assert info.value.__cause__ is None
        assert info.value.__context__ is None
        return str(info.value)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> FakeEnvironment:
    return FakeEnvironment(monkeypatch)


@pytest.mark.parametrize(
    'distributions',
    [
        ONEDL,
        UPSTREAM,
        {**ONEDL, 'torch': '2.14.0a0+git1234'},
        {**ONEDL, 'mmcv': '2.1.0'},
    ],
)
def test_fitting_environments_pass(
    env: FakeEnvironment, distributions: dict[str, str]
) -> None:
    env.distributions = distributions
    check_dependencies()


def test_missing_module_names_the_maintained_package(
    env: FakeEnvironment,
) -> None:
    env.distributions = {**ONEDL}
    del env.distributions['onedl-mmsegmentation']
    assert env.error() == (
        'mmmtl needs mmseg>=1.2.2,<2 (not installed). '
        "Install with: pip install 'onedl-mmsegmentation>=1.2.2,<2'"
    )


def test_old_module_of_the_original_stack_names_its_package(
    env: FakeEnvironment,
) -> None:
    env.distributions = {**UPSTREAM, 'mmcv': '1.7.2'}
    assert env.error() == (
        'mmmtl needs mmcv>=2.1.0,<2.4 (found 1.7.2). '
        "Install with: pip install 'mmcv>=2.1.0,<2.2'"
    )


@pytest.mark.parametrize(
    ('name', 'version'),
    [
        ('torch', '2.3.1'),
        ('onedl-mmengine', '0.10.6'),
        ('onedl-mmcv', '2.4.0'),
        ('onedl-mmsegmentation', '2.0.0'),
        ('onedl-mmcv', 'unknown'),
    ],
)
def test_version_found_is_named(
    env: FakeEnvironment, name: str, version: str
) -> None:
    env.distributions = {**ONEDL, name: version}
    message = env.error()
    assert f'(found {version})' in message
    assert f"'{name}>=" in message


def test_empty_environment_lists_everything_in_one_line(
    env: FakeEnvironment,
) -> None:
    message = env.error()
    assert message.count('(not installed)') == 4
    assert message.endswith(
        "pip install 'torch>=2.7' 'onedl-mmengine>=0.10.7,<1' "
        "'onedl-mmcv>=2.1.0,<2.4' 'onedl-mmsegmentation>=1.2.2,<2'"
    )


def test_leftover_folder_is_no_module(env: FakeEnvironment) -> None:
    env.distributions = {**ONEDL}
    del env.distributions['onedl-mmcv']
    env.folders = {'mmcv'}
    assert 'mmcv>=2.1.0,<2.4 (not installed)' in env.error()


def test_two_unfit_distributions_are_both_named(env: FakeEnvironment) -> None:
    env.distributions = {**ONEDL, 'onedl-mmcv': '3.0', 'mmcv': '1.7.2'}
    assert '(found 3.0 and 1.7.2)' in env.error()


@pytest.mark.parametrize('version', ['1.2.2', '0.30.0'])
def test_source_checkout_is_asked_for_its_version(
    env: FakeEnvironment, version: str
) -> None:
    env.distributions = {**UPSTREAM}
    del env.distributions['mmsegmentation']
    env.sources = {'mmseg': version}
    if version == '1.2.2':
        check_dependencies()
    else:
        assert 'mmseg>=1.2.2,<2 (found 0.30.0)' in env.error()


def run_python(code: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-c', code],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


def hidden(module: str) -> str:
    """Code that makes a module look as if it were not installed."""
    return (
        'import importlib.util as u, sys; real = u.find_spec\n'
        f"u.find_spec = lambda n, *a: None if n == '{module}' "
        'else real(n, *a)\n'
        f"sys.modules['{module}'] = None\n"
    )


@pytest.mark.parametrize('missing', ['torch', 'mmengine', 'mmseg'])
@pytest.mark.parametrize(
    'room',
    [
        'apis',
        'converters',
        'datasets',
        'datasets.transforms',
        'evaluation',
        'models',
        'registry',
        'structures',
        'tasks',
        'visualization',
    ],
)
def test_a_room_says_in_one_line_what_is_missing(
    room: str, missing: str, repo_root: Path
) -> None:
    statement = f'import mmmtl.{room}'
    if room == 'datasets':
        statement = 'from mmmtl.datasets import NYUDv2Dataset'
    result = run_python(hidden(missing) + statement, repo_root)
    assert result.returncode == 1
    assert 'During handling' not in result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f'ImportError: mmmtl needs {missing}>=')
    assert '(not installed). Install' in last


@pytest.mark.parametrize('missing', ['torch', 'mmengine', 'mmseg'])
@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_a_tool_says_in_one_line_what_is_missing(
    tool: str, missing: str, repo_root: Path
) -> None:
    arguments = "'any.py'" + ", 'any.pth'" * (tool == 'test.py')
    code = hidden(missing) + (
        'import runpy\n'
        f"sys.argv = ['tools/{tool}', {arguments}]\n"
        f"runpy.run_path('tools/{tool}', run_name='__main__')"
    )
    result = run_python(code, repo_root)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(
        f'error: mmmtl needs {missing}>='
    )


@pytest.mark.parametrize(
    'code',
    [
        'import mmmtl; mmmtl.__version__',
        "import runpy; sys.argv = ['tools/train.py', '--help']\n"
        "try: runpy.run_path('tools/train.py', run_name='__main__')\n"
        'except SystemExit as stop: assert stop.code == 0',
    ],
    ids=['import', 'help'],
)
def test_nothing_heavy_is_needed_or_loaded(code: str, repo_root: Path) -> None:
    heavy = ('torch', 'numpy', 'cv2', 'mmengine', 'mmcv', 'mmseg')
    # None makes an import fail as if there were no such module.
    block = f'import sys; sys.modules.update(dict.fromkeys({heavy}))\n'
    result = run_python(block + code, repo_root)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    'script',
    [
        'tools/analysis_tools/benchmark.py',
        'tools/dataset_converters/verify.py',
        'demo/image_demo.py',
    ],
)
def test_help_does_not_wait_for_torch(script: str, repo_root: Path) -> None:
    code = (
        'import runpy, sys\n'
        # Makes the import fail as if there were no such module.
        "sys.modules.update(dict.fromkeys(['torch', 'mmengine', 'mmcv']))\n"
        f"sys.argv = [{script!r}, '--help']\n"
        f"runpy.run_path({script!r}, run_name='__main__')"
    )
    result = run_python(code, repo_root)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('usage: ')


def test_the_check_imports_none_of_what_it_checks(repo_root: Path) -> None:
    code = (
        'import runpy, sys\n'
        "check = runpy.run_path('mmmtl/dependency_check.py')\n"
        "check['check_dependencies']()\n"
        "modules = [d.module for d in check['DEPENDENCIES']]\n"
        'print(len(modules), [m for m in modules if m in sys.modules])'
    )
    result = run_python(code, repo_root)
    assert result.stdout == '4 []\n', result.stderr
