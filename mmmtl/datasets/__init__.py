"""Data sets: where the labels lie, how they are encoded, how they vary.

The names below are imported when they are asked for: the renderer's worker
processes use the folder layouts of this package and need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    'BaseMultiTaskDataset': 'base',
    'CityscapesMTDataset': 'cityscapes.dataset',
    'CocoDoomDataset': 'taskonomy.cocodoom',
    'LabelFile': 'label_file',
    'NYUDMTDataset': 'nyud.nyud_mt',
    'NYUDv2Dataset': 'nyud.dataset',
    'PascalContextMTDataset': 'pascal.dataset',
    'ReplicaDataset': 'taskonomy.replica',
    'TaskonomyDataset': 'taskonomy.dataset',
    'load_label': 'label_file',
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name from its module."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
