"""Models that come with the package, by name.

Each has a folder: ``config.py`` (network and pipeline for prediction),
``weights.safetensors`` and a card, ``README.md``.
``tools/model_converters/publish.py`` writes the first two.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

CONFIG_FILE = 'config.py'
WEIGHTS_FILE = 'weights.safetensors'


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
