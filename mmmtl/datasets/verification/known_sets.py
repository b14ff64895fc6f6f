"""The table of data sets that can be verified by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmmtl.errors import DatasetError, did_you_mean
from mmmtl.geometry import NYUD_COLOUR, Intrinsics
from mmmtl.io.folders import META_FILE
from mmmtl.io.plain_files import read_json, read_lines

if TYPE_CHECKING:  # torch comes with it, and --help needs the table alone
    from mmmtl.datasets.base import BaseMultiTaskDataset

RENDERED = 'rooms'


@dataclass(frozen=True)
class KnownSet:
    """How a data folder is read.

    Attributes:
        dataset: Registered name of the class.
        splits: Splits to verify unless others are named.
        options: Further arguments of the class.
        camera: The camera of all images of ``camera_size``; None where it
            differs from image to image: its focal length is estimated then.
        camera_size: Height and width that ``camera`` belongs to.
        classes_file: Names of the classes, one per line, below the data
            folder; None where the class knows them.
        indoor: Whether it shows rooms, so that depth is some metres.
    """

    dataset: str
    splits: tuple[str, ...] = ('train', 'val')
    options: Mapping[str, Any] = field(default_factory=dict)
    camera: Intrinsics | None = None
    camera_size: tuple[int, int] | None = None
    classes_file: str | None = None
    indoor: bool = False


_NYUD = dict(
    camera=NYUD_COLOUR.cropped(top=45, left=40),
    camera_size=(425, 560),
    indoor=True,
)

#: Name on the command line -> how the folder is read. ``rooms`` is a rendered
#: folder, whose own meta.json says which of the others it imitates.
KNOWN_SETS: dict[str, KnownSet] = {
    'nyud': KnownSet('NYUDv2Dataset', **_NYUD),
    'nyud-mt': KnownSet('NYUDMTDataset', **_NYUD),
    'pascal-context': KnownSet('PascalContextMTDataset'),
    'taskonomy': KnownSet('TaskonomyDataset', indoor=True),
    'replica': KnownSet('ReplicaDataset', indoor=True),
    # As configs/_base_/datasets/cocodoom.py reads it.
    'cocodoom': KnownSet(
        'CocoDoomDataset',
        options=dict(holes='mask_valid'),
        classes_file='classes.txt',
    ),
    'cityscapes': KnownSet('CityscapesMTDataset'),
}

# Layouts of the renderer -> the set, and whether it has the rooms' classes.
_RENDERED_LAYOUTS = {
    'nyud': ('nyud', True),
    'pascal_context': ('pascal-context', False),
    'taskonomy': ('taskonomy', True),
}


def find_set(name: str, root: Path) -> KnownSet:
    """Return how a folder is read.

    Args:
        name: Key of ``KNOWN_SETS``, or ``rooms``.
        root: The data folder.

    Raises:
        ValueError: If there is no such set.
        DatasetError: If the folder was said to be rendered and is not, or
            its list of classes is missing or empty.
    """
    if name != RENDERED:
        if name not in KNOWN_SETS:
            known = (*KNOWN_SETS, RENDERED)
            raise ValueError(
                f'unknown data set {name!r}: {did_you_mean(name, known)}'
            )
        return _with_classes(KNOWN_SETS[name], root)
    path = root / META_FILE
    try:
        meta = read_json(path)
        base, own_classes = _RENDERED_LAYOUTS[meta['layout']]
        classes = dict(classes=meta['classes'], palette=meta['palette'])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f'{path} is not that of rendered rooms: name the data set by its '
            f'layout, one of {", ".join(KNOWN_SETS)}'
        ) from error
    options = dict(metainfo=classes) if own_classes else {}
    # Every room has its own camera.
    return replace(
        KNOWN_SETS[base], options=options, camera=None, camera_size=None
    )


def rules_of(dataset: BaseMultiTaskDataset) -> KnownSet:
    """Return what is known about a data set that a config names.

    Args:
        dataset: The data set, of any class.
    """
    name = type(dataset).__name__
    known = [rules for rules in KNOWN_SETS.values() if rules.dataset == name]
    rules = known[0] if known else KnownSet(name)
    if (Path(dataset.data_root) / 'meta.json').is_file():
        # Every rendered room has its own camera.
        return replace(rules, camera=None, camera_size=None)
    return rules


def _with_classes(rules: KnownSet, root: Path) -> KnownSet:
    """Without classes, ids could not be checked for their range."""
    if rules.classes_file is None:
        return rules
    path = root / rules.classes_file
    try:
        names = read_lines(path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f'{path} cannot be read: the tool that writes the folder writes '
            'the names of the classes into it, one per line'
        ) from error
    if not names:
        raise DatasetError(f'{path} is empty: it names no class')
    metainfo = dict(classes=names)
    return replace(rules, options={**rules.options, 'metainfo': metainfo})
