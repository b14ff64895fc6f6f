"""Data sets: where the labels lie, how they are encoded, how they vary.

A folder per family (``nyud``, ``pascal``, ``taskonomy``, ``cityscapes``) has
its data sets, encodings, classes and conversion; ``folder`` reads any other
folder as a config describes it; ``joint.py`` makes one of several. What they
share lies beside them: ``base.py``, ``label_file.py`` (one label: where, how,
is it sound), ``sample_files.py`` (missing files), ``stored_normals.py``. Array
files, lists of ids and errors are read and named in :mod:`mmmtl.io` and
:mod:`mmmtl.errors`, for all of the package.
``transforms`` varies samples, ``verification`` judges whole folders.

The names below are imported when they are asked for: the processes that
render rooms use the folder layouts of this package and need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mmmtl.dependency_check import check_dependencies

_HOMES = {
    'BaseMultiTaskDataset': 'base',
    'CityscapesMTDataset': 'cityscapes.dataset',
    'CocoDoomDataset': 'taskonomy.dataset',
    'FolderDataset': 'folder.dataset',
    'JointDataset': 'joint',
    'LabelFile': 'label_file',
    'NYUDMTDataset': 'nyud.dataset',
    'NYUDv2Dataset': 'nyud.dataset',
    'PascalContextMTDataset': 'pascal.dataset',
    'ReplicaDataset': 'taskonomy.dataset',
    'TaskonomyDataset': 'taskonomy.dataset',
    'load_label': 'label_file',
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name from its module."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    check_dependencies()
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
