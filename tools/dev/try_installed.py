"""Use an installed mmmtl as mim and a user would; see dist_check.sh.

usage: try_installed.py index|zoo CONFIGS

CONFIGS: those of the checkout, to compare
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import yaml

import mmmtl
from mmmtl.apis import init_model


def main() -> None:
    """Raise if something is missing."""
    package = Path(mmmtl.__file__).parent
    assert package.parent == Path(sysconfig.get_path('purelib')), package
    part, configs = sys.argv[1:]
    if part == 'zoo':
        try_zoo(package / 'zoo')
    else:
        try_index(package / '.mim', Path(configs))


def try_index(mim: Path, checkout: Path) -> None:
    """Look for all configs, and build the first model."""
    missing = [
        path
        for path in checkout.rglob('*')
        if path.is_file() and path.suffix in ('.py', '.yml', '.md')
        if not (mim / 'configs' / path.relative_to(checkout)).is_file()
    ]
    assert not missing, f'the wheel lacks {missing}'
    entries = models_of(mim)
    for entry in entries:
        assert (mim / entry['Config']).is_file(), entry
    model = init_model(mim / entries[0]['Config'])
    count = sum(value.numel() for value in model.parameters())
    print(f'{len(entries)} models; {entries[0]["Name"]}: {count} parameters')


def try_zoo(zoo: Path) -> None:
    """Load the trained models that come with the package."""
    names = sorted(path.parent.name for path in zoo.glob('*/config.json'))
    assert names, zoo
    for name in names:
        mmmtl.from_pretrained(name)
        print(f'zoo: {name} loads')


def models_of(mim: Path) -> list[dict]:
    """Look the models up as mim does: model-index.yml, then metafiles."""
    index = yaml.safe_load((mim / 'model-index.yml').read_text())
    metafiles = [
        yaml.safe_load((mim / name).read_text()) for name in index['Import']
    ]
    return [model for file in metafiles for model in file['Models']]


if __name__ == '__main__':
    main()
