"""One clear message when PyTorch or OpenMMLab is missing or does not fit.

OpenMMLab exists in two distributions with the same import names: the original
one (`mmcv`, ...) and a maintained one (`onedl-mmcv`, ...). So each module is
looked up under all names it may have been installed by, without importing it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version


@dataclass(frozen=True)
class Dependency:
    """A module that mmmtl needs, and who may provide it.

    Attributes:
        module: Name to import.
        versions: Versions that fit.
        distributions: Names it may be installed by; the first one is what is
            suggested to a user of the maintained stack.
        upstream: What is suggested to a user of the original stack.
    """

    module: str
    versions: str
    distributions: tuple[str, ...]
    upstream: str


# Lower bounds are the oldest versions that the test suite runs with. PyTorch
# 2.7 brought the way to share out a weight that every process has.
DEPENDENCIES = (
    Dependency('torch', '>=2.7', ('torch',), 'torch>=2.7'),
    Dependency(
        'mmengine',
        '>=0.10.7,<1',
        ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
        'mmengine>=0.10.7,<1',
    ),
    Dependency(
        'mmcv',
        '>=2.1.0,<2.4',
        ('onedl-mmcv', 'mmcv', 'mmcv-lite'),
        'mmcv>=2.1.0,<2.2',
    ),
    Dependency(
        'mmseg',
        '>=1.2.2,<2',
        ('onedl-mmsegmentation', 'mmsegmentation'),
        'mmsegmentation>=1.2.2,<2',
    ),
)


def check_dependencies() -> None:
    """Raise one ImportError that names all that is missing or does not fit.

    Raises:
        ImportError: With one line: what is wrong, the version found, and the
            command that mends it.
    """
    problems = {}
    for dependency in DEPENDENCIES:
        problem = find_problem(dependency)
        if problem:
            problems[dependency] = problem
    if problems:
        command = install_command(list(problems))
        raise ImportError(
            f'mmmtl needs {"; ".join(problems.values())}. '
            f'Install with: {command}'
        )


def find_problem(dependency: Dependency) -> str | None:
    """Say what is wrong with a dependency, None if it fits."""
    wanted = f'{dependency.module}{dependency.versions}'
    if not is_importable(dependency.module):
        return f'{wanted} (not installed)'
    versions = find_versions(dependency)
    if any(fits(version, dependency.versions) for version in versions):
        return None
    return f'{wanted} (found {" and ".join(versions)})'


def is_importable(module: str) -> bool:
    """Tell whether there is such a module; a folder without code is none."""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None


def find_versions(dependency: Dependency) -> list[str]:
    """List the versions of a module, one per distribution that provides it.

    A module without a distribution (a source checkout on the path) is
    imported and asked.
    """
    versions = []
    for distribution in dependency.distributions:
        try:
            versions.append(metadata.version(distribution))
        except metadata.PackageNotFoundError:
            continue
    if versions:
        return versions
    module = importlib.import_module(dependency.module)
    return [getattr(module, '__version__', 'a version without number')]


def fits(version: str, wanted: str) -> bool:
    """Tell whether a version lies in a range; pre-releases count."""
    try:
        return SpecifierSet(wanted).contains(
            Version(version), prereleases=True
        )
    except InvalidVersion:
        return False


def install_command(dependencies: list[Dependency]) -> str:
    """Write the pip command for the distribution that is in use here."""
    if uses_upstream():
        wanted = [dependency.upstream for dependency in dependencies]
    else:
        wanted = [
            dependency.distributions[0] + dependency.versions
            for dependency in dependencies
        ]
    return 'pip install ' + ' '.join(f"'{item}'" for item in wanted)


def uses_upstream() -> bool:
    """Tell whether the original distribution is installed, not the other."""
    names = [name for item in DEPENDENCIES for name in item.distributions]
    installed = {name for name in names if is_installed(name)}
    installed.discard('torch')
    return bool(installed) and not any(
        name.startswith('onedl-') for name in installed
    )


def is_installed(distribution: str) -> bool:
    """Tell whether a distribution is installed."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
