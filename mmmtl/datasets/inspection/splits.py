"""Which samples of a folder are for training, and which for validation."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmmtl.datasets.folder.listing import check_splits, ids_of_share
from mmmtl.datasets.inspection.question import Question
from mmmtl.errors import DatasetError
from mmmtl.io.id_lists import read_ids

_TRAIN = ('train', 'training')
_VAL = ('val', 'valid', 'validation', 'dev', 'eval', 'evaluation')
_TEST = ('test', 'testing')
# In this order: a test set is used where there is nothing else.
_VAL_OR_TEST = (*_VAL, *_TEST)
_SHARES = (0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Splits:
    """How samples are divided.

    Attributes:
        settings: ``splits`` of a ``FolderDataset``.
        why: Why, for people.
        lists: By split, the ids of lists that are to be written because the
            folder has none.
    """

    settings: Mapping[str, str | float]
    why: str
    lists: Mapping[str, list[str]] = field(default_factory=dict)


def split_folders(root: Path) -> tuple[Path, Path] | None:
    """Return the parts of a folder that is divided at the top.

    Args:
        root: The data folder.

    Returns:
        Folders of training and validation; None if there are none.
    """
    names = {p.name.lower(): p for p in root.iterdir() if p.is_dir()}
    train = next((names[n] for n in _TRAIN if n in names), None)
    val = next((names[n] for n in _VAL_OR_TEST if n in names), None)
    return (train, val) if train and val else None


def find_splits(
    root: Path,
    ids: Collection[str],
    given: Mapping[str, str],
    labelled: Sequence[Collection[str]] = (),
) -> Splits | Question:
    """Find lists of ids, folders within the ids, or take shares.

    Args:
        root: The data folder.
        ids: The images.
        given: ``train`` and ``val``, each a list or a share, if they are
            given.
        labelled: For each task, the images that have a label of it.
    """
    if given:
        return Splits(_read_given(root, ids, given), 'as given')
    groups = [ids, *labelled]
    lists = _lists(root)
    usable = {path for path in lists if _fits(root / path, ids)}
    trains, vals, tests = (
        [p for p in lists if _part(Path(p).stem) == part]
        for part in ('train', 'val', 'test')
    )
    if len(trains) == len(vals) == 1 and usable >= {*trains, *vals}:
        return Splits(dict(train=trains[0], val=vals[0]), 'these lists')
    # Any text may be called a test.
    if trains or usable & {*vals, *tests}:
        pairs = [
            f'train={a} val={b}'
            for a in trains
            for b in vals or tests
            if usable >= {a, b}
        ]
        unusable = sorted({*trains, *vals} - usable)
        if unusable:
            text = f'{", ".join(unusable)} names other samples than the images'
        elif pairs:
            text = 'there are several lists'
        else:
            found = ', '.join(trains or vals or tests)
            other = 'validation' if trains else 'training'
            text = (
                f'{found} is a list, but none is for {other}: write it, or '
                'divide all images'
            )
        return Question('--splits', '', text, (*pairs, *_shares(groups)))
    return _by_folder(ids) or _share(groups)


def _read_given(
    root: Path, ids: Collection[str], given: Mapping[str, str]
) -> dict[str, str | float]:
    if set(given) != {'train', 'val'}:
        raise DatasetError(
            f'--splits names {", ".join(given)}: give train and val, such '
            'as train=0.8 val=0.2'
        )
    is_share = re.compile(r'[\d.]+').fullmatch
    splits = check_splits(
        {k: float(v) if is_share(v) else v for k, v in given.items()}
    )
    for path in (v for v in splits.values() if isinstance(v, str)):
        others = set(read_ids(root / path, 'write one id per line')) - {*ids}
        if others:
            raise DatasetError(
                f'--splits: {path} names {min(others)!r}, which no image has: '
                f'write ids such as {min(ids)!r}'
            )
    return splits


def _shares(groups: Sequence[Collection[str]]) -> list[str]:
    """Return shares as an answer, if there are any."""
    try:
        settings = _share(groups).settings
    except DatasetError:
        return []
    return [' '.join(f'{k}={v:g}' for k, v in settings.items())]


def _share(groups: Sequence[Collection[str]]) -> Splits:
    """Return shares of which each has some of every group."""
    ids = groups[0]
    for share in _SHARES:
        settings = dict(train=round(1 - share, 1), val=share)
        counts = [len(ids_of_share(ids, settings, s)) for s in settings]
        if all(ids_of_share(g, settings, s) for g in groups for s in settings):
            return Splits(
                settings,
                f'shares ({counts[0]} and {counts[1]} images); frames of one '
                'video would be in both: give lists there',
            )
    raise DatasetError(
        f'{len(ids)} images cannot be divided so that each part has labels '
        'of every task: give lists, --splits '
        'train=train.txt val=val.txt'
    )


def _lists(root: Path) -> list[str]:
    """Return the text files that seem to list a split, below the folder."""
    found = [*root.glob('*.txt'), *root.glob('*/*.txt')]
    found += root.glob('*/*/*.txt')
    paths = [path.relative_to(root).as_posix() for path in found]
    return sorted(p for p in paths if _part(Path(p).stem))


def _part(name: str) -> str | None:
    """Return the split that a name speaks of."""
    words = re.split(r'[\W_]+', name.lower())
    parts = {'train': _TRAIN, 'val': _VAL, 'test': _TEST}
    return next((p for p, n in parts.items() if set(n) & set(words)), None)


def _fits(path: Path, ids: Collection[str]) -> bool:
    try:
        return set(read_ids(path, 'write one id per line')) <= set(ids)
    except DatasetError:
        return False


def _by_folder(ids: Collection[str]) -> Splits | None:
    """Divide ids that hold the folder of their split."""
    parts: dict[str, list[str]] = {}
    for sample_id in ids:
        folders = sample_id.lower().split('/')[:-1]
        known = {*_TRAIN, *_VAL_OR_TEST}
        name = next((f for f in folders if f in known), '')
        parts.setdefault(name, []).append(sample_id)
    train = next((parts[n] for n in _TRAIN if n in parts), None)
    val = next((parts[n] for n in _VAL_OR_TEST if n in parts), None)
    if not train or not val:
        return None
    others = len(ids) - len(train) - len(val)
    why = 'their folders' + (
        f'; {others} images are in neither' * bool(others)
    )
    return Splits({}, why, dict(train=train, val=val))
