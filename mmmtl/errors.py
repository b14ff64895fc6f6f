"""Errors that a user can act on: in a command, a config, a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in a command, config or file; the text names the fix."""


class NonFiniteError(UserError):
    """Losses, gradients, weights or predictions became NaN or infinite."""


class DatasetError(ValueError):
    """A folder, file or value of a data set is not as it must be.

    The text is one line that names the file and the fix. One line, and one
    argument, because PyTorch rebuilds an error of a loader process from its
    class and a text that ends with this message.
    """


class MissingFileError(DatasetError):
    """A file is not there."""


class UnreadableFileError(DatasetError):
    """A file cannot be read to its end: truncated, or no such format."""


class SizeMismatchError(DatasetError):
    """A label and its image have different sizes."""


class EncodingError(DatasetError):
    """A label is written in another way than its layout says."""


class FolderExistsError(DatasetError, FileExistsError):
    """A folder to create holds something already."""


class ValueRangeError(DatasetError):
    """A value, or a class, that the data set cannot hold.

    A decoder raises it with a text that begins with a verb (``holds ...``);
    any other ``ValueError`` of a decoder means a wrong encoding.
    """


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return the second half of an error message about an unknown name.

    Args:
        found: The name that was given.
        known: The names that would have been accepted.

    Returns:
        ``did you mean 'x'? (known: ...)`` or ``known are: ...``.
    """
    names = sorted(known)
    close = difflib.get_close_matches(found, names, n=2, cutoff=0.6)
    listing = ', '.join(names) or 'nothing'
    if close:
        return f'did you mean {" or ".join(map(repr, close))}? ({listing})'
    return f'known are: {listing}'


def printable(text: str, longest: int | None = None) -> str:
    """Return a text as a terminal can show it.

    Args:
        text: Any text; names of files may hold any character.
        longest: Length above which the middle is left out.

    Returns:
        The text, with escapes in the place of control characters.
    """
    if longest is not None and len(text) > longest:
        half = longest // 2
        text = f'{text[:half]} ... {text[-half:]}'
    return ''.join(
        c if c.isprintable() or c == '\n' else ascii(c)[1:-1] for c in text
    )
