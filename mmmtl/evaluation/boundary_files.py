"""Folders of boundary maps and of ground truth, as any project writes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmmtl.datasets.errors import DatasetError, SizeMismatchError
from mmmtl.evaluation.boundary_maps import (
    read_labels,
    read_outline,
    read_strength,
)

_PICTURES = ('.png', '.npy')
_SHOWN = 5


@dataclass(frozen=True)
class MapPair:
    """A prediction and its ground truth.

    Attributes:
        prediction: ``.png`` or ``.npy``.
        label: ``.png``, ``.npy`` or ``.mat``.
        outline: The ground truth is the outline of the label's stored map.
    """

    prediction: Path
    label: Path
    outline: bool = False

    def read(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the strength ``(H, W)`` and the labels ``(H, W)`` bool.

        Raises:
            DatasetError: If a file cannot be read, has another size than its
                partner, or holds values that a map cannot have.
        """
        strength = read_strength(self.prediction)
        labels = (
            [read_outline(self.label)]
            if self.outline
            else read_labels(self.label)
        )
        for label in labels:
            if label.shape != strength.shape:
                raise SizeMismatchError(
                    f'prediction {self.prediction} has the size '
                    f'{_size(strength)}, its ground truth {self.label} '
                    f'{_size(label)}: predict at the size of the ground truth'
                )
        return strength, labels


def pair_maps(
    predictions: Path,
    labels: Path,
    ids: Iterable[str] | None = None,
    *,
    outline: bool = False,
) -> tuple[list[MapPair], list[str]]:
    """Pair the maps of two folders by file stem.

    Args:
        predictions: Folder of ``.png`` or ``.npy`` maps.
        labels: Folder of ``.png``, ``.npy`` or ``.mat`` ground truth.
        ids: Stems to take; all of the ground truth if None.
        outline: See :class:`MapPair`.

    Returns:
        The pairs in the order of their stems, and the stems of predictions
        that were not paired.

    Raises:
        DatasetError: If a folder is missing or empty, a stem is there twice,
            or a ground truth has no prediction.
    """
    found = _by_stem(predictions, _PICTURES)
    wanted = _by_stem(labels, (*_PICTURES, '.mat'))
    stems = sorted(wanted if ids is None else set(ids))
    for folder, files in ((labels, wanted), (predictions, found)):
        missing = [stem for stem in stems if stem not in files]
        if missing:
            raise DatasetError(
                f'{folder} has no map for {_names(missing)}: '
                f'{len(stems)} maps are to be evaluated'
            )
    pairs = [MapPair(found[stem], wanted[stem], outline) for stem in stems]
    return pairs, sorted(found.keys() - set(stems))


def check_pair(pair: MapPair) -> str | None:
    """Return what is wrong with the files of a pair, if anything."""
    try:
        pair.read()
    except DatasetError as error:
        return str(error)
    return None


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    if not folder.is_dir():
        raise DatasetError(f'{folder} is no folder: name a folder of maps')
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith('.'):
            continue
        if path.stem in files:
            raise DatasetError(
                f'{files[path.stem]} and {path.name} have the same stem: '
                'keep one of them'
            )
        files[path.stem] = path
    if not files:
        raise DatasetError(f'{folder} holds no {" or ".join(suffixes)} file')
    return files


def _names(values: Iterable[str]) -> str:
    values = list(values)
    more = f' and {len(values) - _SHOWN} more' if len(values) > _SHOWN else ''
    return ', '.join(values[:_SHOWN]) + more


def _size(values: np.ndarray) -> str:
    return f'{values.shape[0]}x{values.shape[1]}'
