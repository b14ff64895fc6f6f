"""What can be wrong with a file, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmmtl.errors import (
    DatasetError,
    EncodingError,
    MissingFileError,
    SizeMismatchError,
    UnreadableFileError,
    ValueRangeError,
)

#: Kind -> what it means, in the order of the report.
PROBLEMS = {
    'missing': 'there is no such file',
    'unreadable': 'truncated, or not in its format',
    'size': 'label and image differ in size',
    'encoding': 'written in another way than the layout says',
    'range': 'values or classes that cannot be',
    'constant': 'one value all over',
    'not unit': 'normals are not of length 1',
    'facing away': 'normals point away from the camera',
    'disagree': 'normals are not those of the depth',
    'overlap': 'in two splits: the same id or the same image',
}
#: Kinds that may be right: they are shown and change nothing.
NOTES = {
    'empty': 'no pixel has a label',
    'one value': 'one class, or only 0 or 1, all over',
    'duplicate': 'the same image twice in a split',
    'scale': 'a depth that rooms do not have: is the depth scale right?',
}

_KIND_OF_ERROR = {
    MissingFileError: 'missing',
    UnreadableFileError: 'unreadable',
    SizeMismatchError: 'size',
    EncodingError: 'encoding',
    ValueRangeError: 'range',
}


@dataclass(frozen=True)
class Finding:
    """One thing about one file.

    Attributes:
        kind: Key of ``PROBLEMS`` or ``NOTES``.
        task: The task, or ``'image'``.
        path: The file.
        text: What exactly.
    """

    kind: str
    task: str
    path: str
    text: str


@dataclass
class SampleReport:
    """What was found in the files of one sample.

    Attributes:
        split: Its split.
        sample_id: Its id.
        image_path: Its image.
        image_hash: Hash of the image file, None if it is missing.
        files: Number of files looked for.
        findings: What was found.
        numbers: Per task what :func:`~.statistics.describe` returns.
    """

    split: str
    sample_id: str
    image_path: str
    image_hash: str | None = None
    files: int = 0
    findings: list[Finding] = field(default_factory=list)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)


def kind_of(error: DatasetError) -> str:
    """Return the kind of problem that a loader's error is.

    Args:
        error: What was raised.
    """
    for kind, name in _KIND_OF_ERROR.items():
        if isinstance(error, kind):
            return name
    return 'encoding'
