"""Folders of boundary maps: pairs of files, what they hold, their counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmmtl.errors import (
    DatasetError,
    EncodingError,
    SizeMismatchError,
)
from mmmtl.evaluation.functional.boundary import image_counts, to_grey
from mmmtl.geometry import outline
from mmmtl.io.arrays import READ_ERRORS, read_array, read_mat, unreadable
from mmmtl.io.workers import start_workers

# Maps that wait for a process, per process: enough to keep it busy.
_QUEUE = 4
_PICTURES = ('.png', '.npy')
_SHOWN = 5


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
        return self.read_stored()[:2]

    def read_stored(self) -> tuple[np.ndarray, list[np.ndarray], int]:
        """Return what :meth:`read` does, and :func:`read_strength`'s level."""
        strength, level = read_strength(self.prediction)
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
        return strength, labels, level


def check_pairs(pairs: Iterable[MapPair]) -> tuple[list[str], int]:
    """Read the files of pairs.

    Returns:
        What is wrong with them, and the largest level of all predictions,
        see :func:`read_strength`.
    """
    problems, levels = [], [0]
    for pair in pairs:
        try:
            levels.append(pair.read_stored()[2])
        except DatasetError as error:
            problems.append(str(error))
    return problems, max(levels)


def all_problems(checks: Iterable[tuple[list[str], int]]) -> list[str]:
    """Return what is wrong with the pairs of several :func:`check_pairs`."""
    parts, levels = zip(*checks, strict=True)
    problems = [problem for part in parts for problem in part]
    return problems or masks_of_0_and_1(levels)


def masks_of_0_and_1(levels: Iterable[int]) -> list[str]:
    """Return what is wrong with predictions that are no grey levels.

    Args:
        levels: Of the predictions, see :func:`read_strength`; they are looked
            at until one settles it.
    """
    largest = 0
    for level in levels:
        largest = max(largest, level)
        if largest > 1:
            return []
    if not largest:
        return []
    return [
        'the predictions hold the whole numbers 0 and 1 alone, and 1 is next '
        'to black as a grey level: write 0 to 255 in place of 0 and 1, or '
        'floats from 0 to 1'
    ]


def count_pairs(
    pairs: Sequence[MapPair],
    *,
    thresholds: np.ndarray,
    max_dist: float,
    nms: bool,
    thin: bool = True,
    thin_labels: bool = True,
    workers: int,
) -> Iterator[np.ndarray]:
    """Yield the counts of every pair, in order.

    Args:
        pairs: What to evaluate.
        thresholds: See :func:`.functional.boundary.image_counts`, as for
            the three switches and ``max_dist``.
        max_dist: Share of the diagonal.
        nms: Keep only crests.
        thin: Thin the predictions.
        thin_labels: Thin the labels.
        workers: Number of processes; 1 works in this one. The result does
            not depend on it.
    """
    options = dict(
        thresholds=thresholds,
        max_dist=max_dist,
        nms=nms,
        thin=thin,
        thin_labels=thin_labels,
    )
    workers = min(workers, len(pairs))
    if workers <= 1:
        for pair in pairs:
            yield image_counts(*pair.read(), **options)
        return
    pool = start_workers(workers)
    waiting: deque[Future] = deque()
    try:
        for pair in pairs:
            # Read here, so that a bad file raises in this process.
            waiting.append(pool.submit(image_counts, *pair.read(), **options))
            if len(waiting) > _QUEUE * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def read_strength(path: Path) -> tuple[np.ndarray, int]:
    """Read a soft map.

    Args:
        path: Grey picture of 8 or 16 bit, or an array of integers like it or
            of floats in 0..1, which are cut to 8 bit.

    Returns:
        ``(H, W)`` float64 in 0..1, and the largest grey level as it is
        stored, 0 of floats and of booleans.

    Raises:
        DatasetError: If the file is no such map.
    """
    values = _one_channel(path)
    if values.dtype in (np.uint8, np.uint16):
        return values / np.iinfo(values.dtype).max, int(values.max())
    if values.dtype == bool:
        return values.astype(np.float64), 0
    if values.dtype.kind == 'f':
        if not (values.min() >= 0 and values.max() <= 1):
            raise EncodingError(
                f'prediction {path} holds values from {values.min()} to '
                f'{values.max()}: write probabilities from 0 to 1'
            )
        return to_grey(values) / 255, 0
    raise EncodingError(
        f'prediction {path} is of type {values.dtype}: write a grey picture '
        'of 8 bit or floats from 0 to 1'
    )


def read_labels(path: Path) -> list[np.ndarray]:
    """Read ground truth.

    Args:
        path: A map of 0 and one other value, or a ``.mat`` file of the
            Berkeley data set with any number of annotators.

    Returns:
        ``(H, W)`` bool per annotator.

    Raises:
        DatasetError: If the file is no ground truth.
    """
    if path.suffix.lower() == '.mat':
        return _read_annotators(path)
    values = _one_channel(path)
    levels = np.unique(values)
    if len(levels[levels != 0]) > 1:
        shown = ', '.join(map(str, levels[:_SHOWN]))
        shown += ' ...' * (len(levels) > _SHOWN)
        raise EncodingError(
            f'ground truth {path} holds the values {shown}: it must '
            'be 0 and one other value, of boundary pixels'
        )
    return [values != 0]


def read_outline(path: str | Path) -> np.ndarray:
    """Read a stored map and outline it, the ground truth of SEISM.

    Convention:
        The map is taken as it is stored, whatever its values mean: of
        PASCAL-Context the ``LabelMap`` of classes, of NYUDv2 the picture of
        lines, 0 and 255, of which both sides are outlined.

    Args:
        path: A picture, an array, or a ``.mat`` file with a ``LabelMap``.

    Returns:
        ``(H, W)`` bool, not thinned.

    Raises:
        DatasetError: If the file is no such map.
    """
    path = Path(path)
    if path.suffix.lower() != '.mat':
        return outline(_one_channel(path))
    return outline(_flat(path, read_mat(path, 'LabelMap')))


def _read_annotators(path: Path) -> list[np.ndarray]:
    cells = read_mat(path, 'groundTruth').ravel()
    try:
        return [
            _flat(path, np.asarray(cell['Boundaries'][0, 0])) != 0
            for cell in cells
        ]
    except (IndexError, TypeError) as error:
        raise EncodingError(
            f'ground truth {path} is no file of the Berkeley data set: its '
            "'groundTruth' must be a cell array of structs with a field "
            "'Boundaries'"
        ) from error


def _one_channel(path: Path) -> np.ndarray:
    """Read an array; of a colour picture without colours one channel."""
    try:
        values = read_array(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    return _flat(path, values)


def _flat(path: Path, values: np.ndarray) -> np.ndarray:
    if values.ndim != 2 or not values.size:
        raise EncodingError(
            f'{path} has the shape {values.shape}: write a map (H, W)'
        )
    return values


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
