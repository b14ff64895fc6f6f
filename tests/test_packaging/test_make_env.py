"""tools/dev/make_env.sh with a Python whose pip only writes down its calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# `-m venv DIR` makes a folder with this same script as its interpreter, `-m
# pip` is logged (and fails while the file `fail` exists), `-c` is for real.
FAKE_PYTHON = """#!/usr/bin/env bash
case "$*" in
    *'-m venv'*)
        target=${!#}; mkdir -p "$target/bin"
        cp "$0" "$target/bin/python"
        printf '#!%s/bin/python\\n' "$target" >"$target/bin/tool"
        echo binary >"$target/bin/binary" ;;
    *'-m pip'*)
        echo "$*" >>"$FAKE/pip.log"; [ ! -e "$FAKE/fail" ] ;;
    *purelib*)
        site=$(dirname "$(dirname "$0")")/site; mkdir -p "$site"
        echo "$site" ;;
    *sys.executable*) echo "$0" ;;
    *'import mm'* | *'import torchvision'*) exit 0 ;;
    *) exec REAL "$@" ;;
esac
"""


class Checkout:
    """A copy of the files that the script reads."""

    def __init__(self, source: Path, root: Path, fake: Path) -> None:
        self.root, self.fake = root, fake
        (root / 'mmmtl').mkdir(parents=True)
        (root / 'tools' / 'dev').mkdir(parents=True)
        shutil.copytree(source / 'requirements', root / 'requirements')
        for name in (
            'setup.py',
            'pyproject.toml',
            'mmmtl/version.py',
            'tools/dev/make_env.sh',
        ):
            shutil.copy2(source / name, root / name)

    def make(
        self, stack: str = 'onedl', **environ: str
    ) -> subprocess.CompletedProcess[str]:
        base = {'PATH': os.environ['PATH'], 'FAKE': str(self.fake)}
        base['MMMTL_PYTHON'] = str(self.fake / 'python')
        return subprocess.run(
            ['bash', 'tools/dev/make_env.sh', stack, '.venv'],
            cwd=self.root,
            env={**base, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def pip_calls(self) -> list[str]:
        """Return the calls since the last time."""
        log = self.fake / 'pip.log'
        calls = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return calls


@pytest.fixture
def checkout(repo_root: Path, tmp_path: Path) -> Checkout:
    fake = tmp_path / 'fake'
    fake.mkdir()
    python = fake / 'python'
    python.write_text(FAKE_PYTHON.replace('REAL', sys.executable))
    python.chmod(0o755)
    return Checkout(repo_root, tmp_path / 'one', fake)


def installs(calls: list[str], what: str) -> int:
    return sum(what in call for call in calls)


def test_without_cache_everything_goes_into_the_environment(
    checkout: Checkout,
) -> None:
    assert checkout.make().returncode == 0
    calls = checkout.pip_calls()
    assert installs(calls, 'hashed/onedl.txt') == 1
    assert f'--editable {checkout.root}' in calls[-1]
    assert checkout.make().returncode == 0
    assert checkout.pip_calls() == []  # nothing changed, nothing done


def test_a_new_version_redoes_the_editable_install_only(
    checkout: Checkout,
) -> None:
    checkout.make()
    checkout.pip_calls()
    (checkout.root / 'mmmtl/version.py').write_text("__version__ = '9'\n")
    checkout.make()
    (call,) = checkout.pip_calls()
    assert '--editable' in call


def test_two_checkouts_share_one_cached_environment(
    checkout: Checkout, repo_root: Path, tmp_path: Path
) -> None:
    cache = tmp_path / 'cache'
    other = Checkout(repo_root, tmp_path / 'two', checkout.fake)
    assert checkout.make(MMMTL_ENV_CACHE=str(cache)).returncode == 0
    assert installs(checkout.pip_calls(), 'hashed/onedl.txt') == 1
    assert other.make(MMMTL_ENV_CACHE=str(cache)).returncode == 0
    (call,) = other.pip_calls()
    assert f'--editable {other.root}' in call
    # Scripts start the checkout's interpreter, which sees the cached packages.
    (entry,) = cache.glob('onedl-*/')
    binaries = other.root / '.venv' / 'bin'
    assert (binaries / 'tool').read_text() == f'#!{binaries}/python\n'
    assert (binaries / 'binary').resolve() == entry / 'bin' / 'binary'
    pth = (other.root / '.venv/site/_mmmtl_env.pth').read_text()
    assert f"addsitedir('{entry}/site')" in pth


def test_changed_pins_make_another_entry(
    checkout: Checkout, tmp_path: Path
) -> None:
    cache = tmp_path / 'cache'
    checkout.make(MMMTL_ENV_CACHE=str(cache))
    with (checkout.root / 'requirements/lock/hashed/onedl.txt').open(
        'a'
    ) as file:
        file.write('tqdm==4.70.1\n')
    checkout.make(MMMTL_ENV_CACHE=str(cache))
    assert len(list(cache.glob('onedl-*/.complete'))) == 2


@pytest.mark.parametrize('cached', [True, False])
def test_a_failed_build_is_redone(
    checkout: Checkout, tmp_path: Path, cached: bool
) -> None:
    environ = {'MMMTL_ENV_CACHE': str(tmp_path / 'cache')} if cached else {}
    (checkout.fake / 'fail').touch()
    assert checkout.make(**environ).returncode != 0
    (checkout.fake / 'fail').unlink()
    checkout.pip_calls()
    assert checkout.make(**environ).returncode == 0
    assert installs(checkout.pip_calls(), 'hashed/onedl.txt') == 1


def test_a_deleted_cache_is_rebuilt(
    checkout: Checkout, tmp_path: Path
) -> None:
    cache = tmp_path / 'cache'
    checkout.make(MMMTL_ENV_CACHE=str(cache))
    checkout.pip_calls()
    shutil.rmtree(cache)
    checkout.make(MMMTL_ENV_CACHE=str(cache))
    assert installs(checkout.pip_calls(), 'hashed/onedl.txt') == 1


@pytest.mark.parametrize('wheels', [True, False])
def test_mmcv_comes_from_wheels_or_is_built(
    checkout: Checkout, wheels: bool
) -> None:
    environ = {'WHEELS': str(checkout.fake)} if wheels else {}
    assert checkout.make('openmmlab', **environ).returncode == 0
    (call,) = [c for c in checkout.pip_calls() if 'openmmlab-mmcv.txt' in c]
    assert (f'--find-links {checkout.fake}' in call) == wheels
    assert ('--only-binary=:all:' in call) == wheels
    assert ('--no-build-isolation --no-binary=mmcv' in call) != wheels


@pytest.mark.parametrize('stack', ['onedl', 'openmmlab', 'lowest'])
def test_what_the_index_gives_is_checked_by_hash(
    checkout: Checkout, stack: str
) -> None:
    assert checkout.make(stack).returncode == 0
    calls = checkout.pip_calls()
    (locked,) = [c for c in calls if f'hashed/{stack}.txt' in c]
    assert '--require-hashes' in locked
    # mmcv is compiled here, and our own package lies here.
    unchecked = [c for c in calls if '--require-hashes' not in c]
    assert all('mmcv.txt' in c or '--editable' in c for c in unchecked)


def test_wrong_python_and_stack_are_named(checkout: Checkout) -> None:
    result = checkout.make(MMMTL_PYTHON='no-such-python')
    assert result.returncode == 1
    assert 'Python 3.11 not found as no-such-python' in result.stderr
    result = checkout.make('mmcv-full')
    assert result.returncode == 2
    assert "unknown stack 'mmcv-full'" in result.stderr
