"""One boundary map, or its ground truth, from a file of any project."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmmtl.datasets.errors import EncodingError, UnreadableFileError
from mmmtl.datasets.label_file import read_array
from mmmtl.datasets.mat_file import read_mat
from mmmtl.evaluation.functional.boundary import outline, to_grey

_SHOWN = 5


def read_strength(path: Path) -> np.ndarray:
    """Read a soft map.

    Args:
        path: Grey picture of 8 or 16 bit, or an array of integers like it or
            of floats in 0..1, which are cut to 8 bit.

    Returns:
        ``(H, W)`` float64 in 0..1.

    Raises:
        DatasetError: If the file is no such map.
    """
    values = _one_channel(path)
    if values.dtype in (np.uint8, np.uint16):
        return values / np.iinfo(values.dtype).max
    if values.dtype == bool:
        return values.astype(np.float64)
    if values.dtype.kind == 'f':
        if not (values.min() >= 0 and values.max() <= 1):
            raise EncodingError(
                f'prediction {path} holds values from {values.min()} to '
                f'{values.max()}: write probabilities from 0 to 1'
            )
        return to_grey(values) / 255
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
    regions = read_mat(path, 'LabelMap')
    if regions.ndim != 2:
        raise EncodingError(
            f'LabelMap of {path} has the shape {regions.shape}: store (H, W) '
            'class ids'
        )
    return outline(regions)


def _read_annotators(path: Path) -> list[np.ndarray]:
    cells = read_mat(path, 'groundTruth').ravel()
    try:
        maps = [np.asarray(cell['Boundaries'][0, 0]) != 0 for cell in cells]
    except (IndexError, TypeError, ValueError) as error:
        raise EncodingError(
            f'ground truth {path} is no file of the Berkeley data set: its '
            "'groundTruth' must be a cell array of structs with a field "
            "'Boundaries'"
        ) from error
    if not maps or any(m.ndim != 2 for m in maps):
        raise EncodingError(f'ground truth {path} has no annotation')
    return maps


def _one_channel(path: Path) -> np.ndarray:
    """Read an array; of a colour picture without colours one channel."""
    try:
        values = read_array(path)
    # What numpy and Pillow raise on files they cannot read.
    except (OSError, EOFError, ValueError, SyntaxError) as error:
        raise UnreadableFileError(
            f'{path} is unreadable ({" ".join(str(error).split())}): it may '
            'be truncated, write it again'
        ) from error
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2 or not values.size:
        raise EncodingError(
            f'{path} has the shape {values.shape}: write a grey map (H, W)'
        )
    return values
