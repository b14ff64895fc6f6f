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
    'release': ('release',),
    'docs': ('docs',),
}
OPENMMLAB = ('onedl', 'openmmlab')
SHARED = (
    *('runtime', 'lite', 'optional', 'tests', 'build', 'lora', 'deploy'),
    *('hub', 'serve'),
)


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


@pytest.mark.parametrize('stack', OPENMMLAB)
def test_the_tested_versions_lie_in_the_promised_ranges(
    repo_root: Path, stack: str
) -> None:
    folder = repo_root / 'requirements'
    pins = read_lock(folder, stack)
    for name in (*SHARED, stack):
        for key, item in read(folder / f'{name}.txt').items():
            assert key in pins, f'{item} of {name}.txt is not pinned'
            assert item.specifier.contains(pins[key]), (item, pins[key])


def read_hashed(folder: Path, name: str) -> dict[str, Requirement]:
    """Read a generated lock file, each entry of which must have hashes."""
    text = (folder / 'lock' / 'hashed' / f'{name}.txt').read_text()
    found = {}
    for entry in text.replace('\\\n', ' ').splitlines():
        line, *hashes = entry.split('--hash=sha256:')
        assert all(re.fullmatch('[0-9a-f]{64} *', item) for item in hashes)
        assert hashes, entry
        item = Requirement(line)
        # Of newer Pythons there are rows of their own.
        if item.marker is None or item.marker.evaluate():
            found[canonicalize_name(item.name)] = item
    return found


@pytest.mark.parametrize('name', STACKS)
def test_hashed_locks_hold_the_pinned_versions(
    repo_root: Path, name: str
) -> None:
    folder = repo_root / 'requirements'
    pins = read_lock(folder, name)
    pins.pop('mmcv', None)  # compiled here
    hashed = read_hashed(folder, name)
    assert pins.keys() - hashed.keys() == set(), 'run `make lock`'
    for key, version in pins.items():
        assert hashed[key].specifier.contains(version), (key, 'make lock')


# mmpretrain imports them without asking for them; any version serves.
UNBOUNDED = {'ftfy', 'regex'}


@pytest.mark.parametrize(
    'name',
    [*SHARED, 'balancing', *OPENMMLAB],
)
def test_lower_bounds_are_the_versions_that_are_tested(
    repo_root: Path, name: str
) -> None:
    folder = repo_root / 'requirements'
    tested = {
        **read_hashed(folder, 'openmmlab'),
        **read(folder / 'lock' / 'openmmlab-mmcv.txt'),
        **read_hashed(folder, 'lowest'),
    }
    for key, item in read(folder / f'{name}.txt').items():
        if key not in UNBOUNDED:
            (bound,) = (
                s for s in item.specifier if s.operator in ('>=', '==')
            )
            (found,) = tested[key].specifier
            assert Version(found.version) == Version(bound.version), item


@pytest.mark.parametrize('stack', OPENMMLAB)
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
