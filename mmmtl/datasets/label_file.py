"""How a label lies on disk, and how it is read and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmmtl.errors import (
    DatasetError,
    EncodingError,
    MissingFileError,
    SizeMismatchError,
    ValueRangeError,
)
from mmmtl.io.arrays import READ_ERRORS, read_array, unreadable
from mmmtl.tasks import Kind, get_task

Decoder = Callable[[Any], np.ndarray]
Axes = tuple[tuple[int, int], ...]
Reader = Callable[[str | Path], Any]

# Archives of views without a label hold files of some bytes; a picture of a
# usable size takes more.
_STUB_BYTES = 100


@dataclass(frozen=True)
class LabelFile:
    """Where a data set stores the labels of one task, and how.

    Attributes:
        pattern: Path below the data folder; ``{}`` stands for the sample id.
        decode: From what ``read`` returns to the task's convention
            (:class:`mmmtl.tasks.Kind`): ``(H, W)``, or ``(H, W, 3)`` for
            vectors; uint8 for class and binary maps, float32 otherwise. It
            raises ``ValueRangeError`` where values are wrong, and another
            ``ValueError`` where the file is written in another way.
        first_id: Stored value of class 0, for error texts.
        read: From the file's path to what it stores.
        fallback: Where the file lies if it is not at ``pattern``; None if
            there is only one place.
        also: Further files that ``read`` opens, so that they are looked for
            at the start too.
        optional: A sample may lack the file, or have an unreadable stub of
            less than 100 bytes: no pixel of it has a label then.
        fit: A label of another size than its image is resized to the nearest
            pixel; it is refused otherwise.
        axes: Component and sign in our frame of every stored channel of
            normals, for reports.
    """

    pattern: str
    decode: Decoder
    first_id: int = 0
    read: Reader = read_array
    fallback: str | None = None
    also: tuple[str, ...] = ()
    optional: bool = False
    fit: bool = False
    axes: Axes = ((0, 1), (1, 1), (2, 1))

    def place(self, sample_id: str, present: Container[str]) -> str:
        """Return where a sample's file lies, below the data folder.

        Args:
            sample_id: The sample.
            present: Paths of the files that are there.

        Returns:
            The path by ``pattern`` if it is there, or neither is; else the
            fallback.
        """
        first = fill(self.pattern, sample_id)
        if self.fallback is None or first in present:
            return first
        second = fill(self.fallback, sample_id)
        return second if second in present else first


def fill(pattern: str, sample_id: str) -> str:
    """Return the path of a sample; its id may occur more than once in it.

    Args:
        pattern: ``{}`` stands for the id, ``{name}`` for its first parts, see
            :func:`part_names`.
        sample_id: The sample.
    """
    names = part_names(pattern)
    *parts, rest = sample_id.split('/', len(names)) if names else [sample_id]
    # An id without them leaves the braces, in the path of a missing file.
    named = {name: f'{{{name}}}' for name in names}
    named |= dict(zip(names, parts, strict=False))
    return pattern.format(*[rest] * max(1, pattern.count('{}')), **named)


def part_names(pattern: str) -> tuple[str, ...]:
    """Return the names of the parts of an id that stand apart in a pattern.

    Args:
        pattern: In ``{scene}/rgb/{}.jpg`` it is one part, ``scene``; the id
            is ``scene``, a slash, and what ``{}`` stands for.
    """
    return tuple(dict.fromkeys(re.findall(r'{([a-z_]+)}', pattern)))


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
    kind = get_task(task).kind
    if file.optional and not _holds_anything(Path(path)):
        return _no_label(kind, size)
    stored = _read(task, path, file)
    try:
        label = file.decode(stored)
    # A decoder takes what its layout says; anything may be in a file.
    except Exception as error:
        ranged = isinstance(error, ValueRangeError)
        refusal = ValueRangeError if ranged else EncodingError
        raise refusal(f'{task} label {path}: {error}') from error
    if file.fit and label.shape[:2] != tuple(size):
        label = cv2.resize(
            label, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT
        )
    if label.shape[:2] != tuple(size):
        raise SizeMismatchError(
            f'{task} label {path} is {label.shape[0]}x{label.shape[1]} '
            f'(height x width), its image {size[0]}x{size[1]}: write both at '
            'one size'
        )
    if num_classes is not None:
        _check_class_ids(label, task, path, num_classes, file.first_id)
    return label


def _holds_anything(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.stat().st_size >= _STUB_BYTES:
        return True
    try:
        read_array(path)
    except READ_ERRORS:
        return False
    return True


def _no_label(kind: Kind, size: tuple[int, int]) -> np.ndarray:
    shape = (*size, kind.components)[: 2 + (kind.components > 1)]
    dtype = np.float32 if kind.dtype.is_floating_point else np.uint8
    return np.full(shape, kind.no_label, dtype)


def _read(task: str, path: str | Path, file: LabelFile) -> Any:
    try:
        return file.read(path)
    except DatasetError:  # it names its file itself
        raise
    except FileNotFoundError as error:
        raise MissingFileError(
            f'{task} label {error.filename or path}: no such file; restore '
            f'it, or take {task!r} out of tasks'
        ) from error
    except READ_ERRORS as error:
        raise unreadable(f'{task} label {path}', error) from error


def _check_class_ids(
    label: np.ndarray,
    task: str,
    path: str | Path,
    num_classes: int,
    first_id: int,
) -> None:
    counts = np.bincount(label.ravel(), minlength=256)
    found = np.flatnonzero(counts)
    wrong = found[
        (found >= num_classes) & (found != get_task(task).kind.no_label)
    ]
    if wrong.size:
        values = ', '.join(str(i + first_id) for i in wrong[:5])
        raise ValueRangeError(
            f'{task} label {path} holds {values}, but the '
            f'{num_classes} classes are stored as {first_id} to '
            f'{num_classes - 1 + first_id}: correct the file, or name the '
            'classes in the metainfo of the data set'
        )
