"""Packaging of mmmtl, with the `.mim` folder that OpenMMLab's mim reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.develop import develop

ROOT = Path(__file__).resolve().parent
MIM_ENTRIES = ('configs', 'tools', 'demo', 'model-index.yml')


def read_version() -> str:
    """Read the version without importing the package."""
    namespace: dict[str, str] = {}
    exec((ROOT / 'mmmtl' / 'version.py').read_text(), namespace)
    return namespace['__version__']


def read_requirements(name: str) -> list[str]:
    """Read requirements/<name>.txt, without comments."""
    text = (ROOT / 'requirements' / f'{name}.txt').read_text()
    lines = (line.split('#')[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def read_text(name: str) -> str:
    """Read a text file of the repository, empty if a copy lacks it."""
    path = ROOT / name
    return path.read_text(encoding='utf-8') if path.exists() else ''


def remove(path: Path) -> None:
    """Remove a link, file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder, without byte code."""
    if source.is_dir():
        ignore = shutil.ignore_patterns('__pycache__', '*.pyc')
        shutil.copytree(source, target, ignore=ignore)
    else:
        shutil.copy2(source, target)


def link(source: Path, target: Path) -> None:
    """Link relatively, so that a moved checkout stays whole, or else copy."""
    try:
        target.symlink_to(os.path.relpath(source, target.parent))
    except OSError:  # file systems and Windows accounts without links
        copy(source, target)


def fill_mim_folder(package: Path, *, editable: bool) -> None:
    """Make `package/.mim` from MIM_ENTRIES: links if editable, else copies."""
    mim = package / '.mim'
    mim.mkdir(parents=True, exist_ok=True)
    for name in MIM_ENTRIES:
        remove(mim / name)
        if (ROOT / name).exists():
            (link if editable else copy)(ROOT / name, mim / name)


class BuildPyWithMim(build_py):
    """Fill `.mim`: in wheels, and in PEP 660 editable installs."""

    def run(self) -> None:
        """Build the modules, then `.mim`."""
        super().run()
        package = ROOT if self.editable_mode else Path(self.build_lib)
        fill_mim_folder(package / 'mmmtl', editable=self.editable_mode)


class DevelopWithMim(develop):
    """Fill `.mim` in legacy editable installs, which build nothing."""

    def run(self) -> None:
        """Link `.mim`, then install."""
        fill_mim_folder(ROOT / 'mmmtl', editable=True)
        super().run()


LITE = read_requirements('lite')
OPTIONAL = read_requirements('optional')
TESTS = read_requirements('tests')
BALANCING = read_requirements('balancing')
LORA = read_requirements('lora')
DEPLOY = read_requirements('deploy')
HUB = read_requirements('hub')
SERVE = read_requirements('serve')

setup(
    name='mmmtl',
    version=read_version(),
    description='Multi-task dense prediction for MMSegmentation',
    long_description=read_text('README.md'),
    long_description_content_type='text/markdown',
    author='The mmmtl authors',
    license='Apache-2.0',
    keywords='computer vision, multi-task learning, dense prediction',
    packages=find_packages(include=['mmmtl', 'mmmtl.*']),
    package_data={
        'mmmtl.evaluation.image_lists': ['*.txt'],
        'mmmtl.visualization': ['pages/*'],
        'mmmtl.zoo': ['*/*'],
    },
    python_requires='>=3.10',
    entry_points={'console_scripts': ['mmmtl = mmmtl.cli.app:main']},
    install_requires=read_requirements('runtime'),
    extras_require={
        'onedl': read_requirements('onedl'),
        'openmmlab': read_requirements('openmmlab'),
        'lite': LITE,
        'optional': OPTIONAL,
        'tests': TESTS,
        'balancing': BALANCING,
        'lora': LORA,
        'deploy': DEPLOY,
        'hub': HUB,
        'serve': SERVE,
        'all': [
            *(LITE + OPTIONAL + TESTS + BALANCING),
            *(LORA + DEPLOY + HUB + SERVE),
        ],
    },
    cmdclass={'build_py': BuildPyWithMim, 'develop': DevelopWithMim},
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    zip_safe=False,
)
