"""Array files: ``.npy``, pictures and MATLAB's ``.mat`` (format 5).

scipy is imported where it is used: it takes 0.3 s, and the processes that
render rooms have no use for it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import (
    ExifTags,
    Image,
    ImageFile,
    ImageOps,
    UnidentifiedImageError,
)

from mmmtl.errors import MissingFileError, UnreadableFileError
from mmmtl.io.plain_files import check_regular

#: What a label map of bytes is, for :func:`check_array`.
ONE_BYTE = 'a picture of one channel of 8 bits'
#: What readers raise on files that they cannot read. It depends on where a
#: file breaks: numpy's errors, zlib's, struct's, SyntaxError, MemoryError and
#: others have been seen.
READ_ERRORS = Exception


def read_array(path: str | Path) -> np.ndarray:
    """Read an array file or a picture.

    Args:
        path: ``.npy``, or any picture that Pillow knows.

    Returns:
        The array; of a picture ``(H, W)`` grey levels or palette indices, or
        ``(H, W, C)`` in RGB order, uint16 where it is stored so. A picture
        that is stored lying down (EXIF) is turned upright, as mmcv does with
        images.
    """
    if str(path).lower().endswith('.npy'):
        check_regular(path)
        with open(path, 'rb') as file:  # np.load would open archives, too
            # Never unpickle: a label file is untrusted input.
            return np.lib.format.read_array(file, allow_pickle=False)
    with open_picture(path) as picture:
        if _is_deep(picture) and picture.mode in ('RGB', 'RGBA', 'LA'):
            return _read_deep(path)
        ImageOps.exif_transpose(picture, in_place=True)
        # 1-bit pictures as 0 and 255, as every other reader gives them.
        return np.asarray(
            picture.convert('L') if picture.mode == '1' else picture
        )


@contextmanager
def open_picture(path: str | Path) -> Iterator[ImageFile.ImageFile]:
    """Open a picture without reading its pixels.

    Args:
        path: Any picture that Pillow knows.
    """
    check_regular(path)
    with Image.open(path) as picture:
        yield picture


def _is_deep(picture: ImageFile.ImageFile) -> bool:
    """Say whether a channel is stored in 16 bits."""
    if picture.format == 'PPM':
        how = picture.tile[0][3]  # with the largest value, if not 255
        return isinstance(how, tuple) and how[-1] > 255
    return ';16' in str(picture.tile)


def _read_deep(path: str | Path) -> np.ndarray:
    """Read a colour picture of 16 bits, of which Pillow gives 8.

    Opacity is left out.
    """
    deep = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if deep is None:
        raise OSError('OpenCV cannot decode it')
    return np.ascontiguousarray(deep[..., ::-1])


def exif_orientation(path: str | Path) -> int:
    """Return how a picture is stored.

    Args:
        path: Any file.

    Returns:
        EXIF's number: 1 upright, 2 to 8 mirrored or turned; 1 for anything
        that is no picture.
    """
    try:
        with open_picture(path) as picture:
            return picture.getexif().get(ExifTags.Base.Orientation, 1)
    except READ_ERRORS:
        return 1


def read_mat(path: str | Path, name: str) -> np.ndarray:
    """Read one variable of a MATLAB file.

    Args:
        path: The file.
        name: The variable.

    Returns:
        The array; a struct is an array with named fields.

    Raises:
        MissingFileError: If there is no such file.
        UnreadableFileError: If it is not such a file, is truncated, or lacks
            the variable.
    """
    from scipy.io import loadmat

    try:
        check_regular(path)
        content = loadmat(str(path), variable_names=(name,), appendmat=False)
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: no such file; restore it') from error
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    if name not in content:
        raise UnreadableFileError(
            f'{path} holds no variable {name!r}: it is another file, or it '
            'is truncated; write it again'
        )
    return content[name]


def write_mat(path: Path, name: str, value: np.ndarray | dict) -> None:
    """Write one variable to a MATLAB file.

    Args:
        path: The file.
        name: The variable.
        value: An array; a dictionary becomes a struct.
    """
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, {name: value}, do_compression=True)
    data = buffer.getvalue()
    # The text at the start holds date and platform; the bytes must depend on
    # the arguments only. It is 116 bytes long.
    text = b'MATLAB 5.0 MAT-file, written by mmmtl'.ljust(116)
    path.write_bytes(text + data[116:])


def structs(rows: list[dict], fields: Sequence[str]) -> np.ndarray:
    """Return rows as MATLAB's 1xN struct array; none as its empty matrix."""
    if not rows:
        return np.zeros((0, 0))
    array = np.empty((1, len(rows)), [(name, object) for name in fields])
    for index, row in enumerate(rows):
        array[0, index] = tuple(row[name] for name in fields)
    return array


def unreadable(what: object, error: Exception) -> UnreadableFileError:
    """Return the error to raise where a file cannot be read.

    Args:
        what: The file, and what it is.
        error: What the reader raised.
    """
    reason = ' '.join(str(error).split()) or type(error).__name__
    advice = 'it may be truncated, write it again'
    if isinstance(error, Image.DecompressionBombError):
        advice = 'write it smaller'
    elif isinstance(error, UnidentifiedImageError):
        advice += ', as a picture such as .png or .tif, or as .npy'
    return UnreadableFileError(f'{what} is unreadable ({reason}): {advice}')


def check_white(stored: np.ndarray) -> None:
    """Refuse a mask of 0 and 1 where white is what counts.

    With 255 for "no label" in it, it would be read inverted.

    Args:
        stored: uint8.

    Raises:
        ValueError: If it holds 1, and nothing but 0, 1 and 255.
    """
    levels = np.flatnonzero(np.bincount(stored.ravel(), minlength=256))
    if 1 in levels and not set(levels.tolist()) - {0, 1, 255}:
        shown = ', '.join(map(str, levels.tolist()))
        raise ValueError(
            f'holds {shown}: here 255 is 1 and 1 is 0; write 255 and 0, or '
            'read the folder with a FolderDataset, which is told '
            'no_label=255'
        )


def check_array(
    stored: np.ndarray,
    wanted: str,
    types: type | tuple[type, ...] = np.uint8,
    *,
    channels: int | None = None,
) -> None:
    """Refuse what a file holds if it is another kind of map.

    Args:
        stored: What was read.
        wanted: What to write instead, for the error text.
        types: Types of numpy, or families of them, to accept.
        channels: Length of the last of three axes; None for ``(H, W)``.

    Raises:
        ValueError: If shape or type differ.
    """
    types = types if isinstance(types, tuple) else (types,)
    shape = (*stored.shape[:2], *([channels] if channels else []))
    typed = any(np.issubdtype(stored.dtype, kind) for kind in types)
    if stored.ndim < 2 or stored.shape != shape or not typed:
        raise ValueError(f'is {stored.dtype} {stored.shape}: write {wanted}')
