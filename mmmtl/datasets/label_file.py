"""How a label lies on disk, and how it is read and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.errors import DatasetError
from mmmtl.structures import TaskSpec, get_task_spec

Decoder = Callable[[np.ndarray], np.ndarray]

# What numpy and Pillow raise on files they cannot read; SyntaxError is
# Pillow's for a broken PNG chunk.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class LabelFile:
    """One row of a data set's table of label files.

    Attributes:
        pattern: Path below the data folder; ``{}`` stands for the sample id.
        decode: From the stored array to the task's convention
            (:class:`mmmtl.structures.TaskSpec`): ``(H, W)``, or
            ``(H, W, 3)`` for vectors; uint8 for class and binary maps,
            float32 otherwise. Raises ``ValueError`` on values that the
            encoding does not have.
        first_id: Stored value of class 0, for error texts.
    """

    pattern: str
    decode: Decoder
    first_id: int = 0


def load_label(
    task: str,
    path: str | Path,
    file: LabelFile,
    size: tuple[int, int],
    num_classes: int | None = None,
) -> np.ndarray:
    """Read, decode and check one label map.

    Args:
        task: Task name.
        path: The file.
        file: How it is encoded.
        size: ``(H, W)`` of the image it belongs to.
        num_classes: Number of classes, for maps of class ids.

    Returns:
        The decoded map, see :class:`LabelFile`.

    Raises:
        DatasetError: If the file is missing, unreadable, wrongly encoded, of
            another size than the image, or holds a class that the data set
            does not have.
    """
    spec = get_task_spec(task)
    stored = _read(task, path)
    try:
        label = file.decode(stored)
    except ValueError as error:
        raise DatasetError(f'{task} label {path}: {error}') from error
    _check_kind(label, spec, path)
    if label.shape[:2] != tuple(size):
        raise DatasetError(
            f'{task} label {path} is {label.shape[0]}x{label.shape[1]} '
            f'(height x width), its image {size[0]}x{size[1]}: write both at '
            'one size'
        )
    if num_classes is not None and spec.decode == 'argmax':
        _check_class_ids(label, spec, path, num_classes, file.first_id)
    return label


def read_array(path: str | Path) -> np.ndarray:
    """Read an array file or a picture.

    Args:
        path: ``.npy``, or any picture Pillow knows.

    Returns:
        The array; of a picture ``(H, W)`` grey levels or palette indices, or
        ``(H, W, C)`` in RGB order.
    """
    if str(path).endswith('.npy'):
        # Never unpickle: a label file is untrusted input.
        return np.load(path, allow_pickle=False)
    with Image.open(path) as picture:
        # 1-bit pictures as 0 and 255, as every other reader gives them.
        return np.asarray(
            picture.convert('L') if picture.mode == '1' else picture
        )


def _read(task: str, path: str | Path) -> np.ndarray:
    try:
        return read_array(path)
    except FileNotFoundError as error:
        raise DatasetError(
            f'{task} label {path}: no such file; restore it, or take '
            f'{task!r} out of tasks'
        ) from error
    except _UNREADABLE as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise DatasetError(
            f'{task} label {path} is unreadable ({reason}): it may be '
            'truncated, write it again'
        ) from error


def _check_kind(label: np.ndarray, spec: TaskSpec, path: str | Path) -> None:
    dtype = np.float32 if spec.dtype.is_floating_point else np.uint8
    shape = () if spec.label_channels == 1 else (spec.label_channels,)
    if label.ndim != 2 + len(shape) or label.shape[2:] != shape:
        wanted = ', '.join(map(str, ('H', 'W', *shape)))
        raise DatasetError(
            f'{spec.name} label {path} has the shape {label.shape}, it must '
            f'be ({wanted})'
        )
    if label.dtype != dtype:
        raise DatasetError(
            f'{spec.name} label {path} was decoded to {label.dtype}: its '
            f'decoder must return {np.dtype(dtype)}'
        )


def _check_class_ids(
    label: np.ndarray,
    spec: TaskSpec,
    path: str | Path,
    num_classes: int,
    first_id: int,
) -> None:
    counts = np.bincount(label.ravel(), minlength=256)
    found = np.flatnonzero(counts)
    wrong = found[(found >= num_classes) & (found != spec.ignore_value)]
    if wrong.size:
        values = ', '.join(str(i + first_id) for i in wrong[:5])
        raise DatasetError(
            f'{spec.name} label {path} holds {values}, but the '
            f'{num_classes} classes are stored as {first_id} to '
            f'{num_classes - 1 + first_id}: correct the file, or name the '
            'classes in the metainfo of the data set'
        )
