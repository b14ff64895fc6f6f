"""What comes with the package, by name: models with weights, and configs.

Each model has a folder here, as :func:`mmmtl.save_pretrained` writes it:
``config.json`` (network and pipeline for prediction, table of tasks),
``model.safetensors`` and a card, ``README.md``. Configs are in ``configs/``
of a checkout, and in ``.mim/configs`` of an installed package; the metafiles
there, which ``model-index.yml`` lists, may name weights of theirs.

Nothing heavy is imported here.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from mmmtl.errors import UserError

CONFIG_FILE = 'config.json'
WEIGHTS_FILE = 'model.safetensors'
CARD_FILE = 'README.md'


class ShippedModel(NamedTuple):
    """Where the files of a model are."""

    config: Path
    weights: Path


def shipped_models() -> dict[str, ShippedModel]:
    """Return the models by name."""
    return {
        path.parent.name: ShippedModel(path, path.parent / WEIGHTS_FILE)
        for path in sorted(Path(__file__).parent.glob(f'*/{CONFIG_FILE}'))
    }


def listed_models(folder: str = '*') -> dict[str, dict[str, Any]]:
    """Return the entries of the metafiles by name; ``Weights`` is a URL.

    Args:
        folder: That of one method, in ``configs/``; all if left out.
    """
    import yaml

    found = {}
    for path in sorted(configs_folder().glob(f'{folder}/metafile.yml')):
        for model in yaml.safe_load(path.read_text('utf-8'))['Models']:
            found[model['Name']] = model
    return found


def configs_folder() -> Path:
    """Return the folder of ready configs, of a checkout or as installed."""
    package = Path(__file__).resolve().parents[1]
    beside = package.parent / 'configs'
    return beside if beside.is_dir() else package / '.mim/configs'


def ready_configs() -> dict[str, Path]:
    """Return the configs that come with the package, by name."""
    files = configs_folder().glob('*/*.py')
    return {
        path.stem: path
        for path in sorted(files)
        if path.parent.name != '_base_'
    }


def find_config(config: str | Path) -> Path:
    """Return the file of a config.

    Args:
        config: A file; or the name of a config that comes with the package,
            such as ``demt_swin-t_nyud``, or its path in the repository. A
            file goes before a name.

    Raises:
        UserError: There is neither; the text names the nearest.
    """
    path = Path(config)
    packed = configs_folder().parent / path
    for found in (path, packed):
        if found.is_file():
            return found
    if path.suffix or len(path.parts) > 1:
        raise UserError(f'config {path}: no such file{_neighbours(path)}')
    ready = ready_configs()
    if path.name not in ready:
        near = get_close_matches(path.name, ready, n=3, cutoff=0.5)
        hint = f'did you mean {" or ".join(near)}? ' if near else ''
        raise UserError(
            f'config {path}: no such file, and no config of this name comes '
            f'with the package: {hint}`mmmtl models` lists them'
        )
    return ready[path.name]


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f' (there is no folder {path.parent} either)'
    names = sorted(file.name for file in path.parent.glob('*.py'))
    return f'; {path.parent} has: {", ".join(names)}' if names else ''
