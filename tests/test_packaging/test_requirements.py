from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mmmtl.dependency_check import DEPENDENCIES

STACKS = {
    'onedl': ('common', 'onedl'),
    'openmmlab': ('common', 'openmmlab', 'openmmlab-mmcv'),
}
SHARED = ('runtime', 'lite', 'optional', 'tests', 'build', 'lora', 'deploy')


def read(path: Path) -> dict[str, Requirement]:
    """Read a requirements file: canonical name -> requirement."""
    lines = [x.split('#')[0].strip() for x in path.read_text().splitlines()]
    found = [Requirement(x) for x in lines if x and not x.startswith('-r')]
    return {canonicalize_name(item.name): item for item in found}


def read_lock(folder: Path, stack: str) -> dict[str, Version]:
    pins = {}
    for name in STACKS[stack]:
        for key, item in read(folder / 'lock' / f'{name}.txt').items():
            (specifier,) = item.specifier
            assert specifier.operator in ('==', '==='), item
            pins[key] = Version(specifier.version)
    return pins


@pytest.mark.parametrize('stack', STACKS)
def test_the_tested_versions_lie_in_the_promised_ranges(
    repo_root: Path, stack: str
) -> None:
    folder = repo_root / 'requirements'
    pins = read_lock(folder, stack)
    for name in (*SHARED, stack):
        for key, item in read(folder / f'{name}.txt').items():
            assert key in pins, f'{item} of {name}.txt is not pinned'
            assert item.specifier.contains(pins[key]), (item, pins[key])


@pytest.mark.parametrize('stack', STACKS)
def test_the_tested_versions_pass_the_import_check(
    repo_root: Path, stack: str
) -> None:
    pins = read_lock(repo_root / 'requirements', stack)
    for dependency in DEPENDENCIES:
        (name,) = set(dependency.distributions) & set(pins)
        wanted = Requirement(f'{name}{dependency.versions}').specifier
        assert wanted.contains(pins[name]), (name, pins[name])


def test_pre_commit_runs_the_pinned_tools(repo_root: Path) -> None:
    pins = read_lock(repo_root / 'requirements', 'onedl')
    config = yaml.safe_load(
        (repo_root / '.pre-commit-config.yaml').read_text()
    )
    for repo in config['repos']:
        tool = re.search(r'(ruff|codespell)', repo['repo'])
        if tool:
            assert Version(repo['rev']) == pins[tool[1]]


def test_model_index_lists_every_metafile(repo_root: Path) -> None:
    index = yaml.safe_load((repo_root / 'model-index.yml').read_text())
    metafiles = (repo_root / 'configs').glob('*/metafile.yml')
    found = {path.relative_to(repo_root).as_posix() for path in metafiles}
    assert set(index['Import']) == found
