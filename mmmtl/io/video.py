"""Video files and cameras, by OpenCV: frames are streamed, never kept."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmmtl.errors import UserError
from mmmtl.io.folders import new_file
from mmmtl.io.plain_files import check_regular

SUFFIXES = frozenset(
    {'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv'}
)
#: What stands before the number of a camera.
CAMERA = 'camera:'
# Of sources that do not say theirs, frames per second.
_USUAL_RATE = 25.0
# The wheels of OpenCV write it (not H.264), and players show it.
_CODEC = 'mp4v'
# OpenCV reads it when it first opens a video: FFmpeg writes no lines either.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')


@dataclass(frozen=True)
class Video:
    """An open video.

    Attributes:
        frames: ``(H, W, 3)`` uint8 BGR, one after the other.
        rate: Frames per second.
        length: Number of frames as the file says it; None of a camera.
    """

    frames: Iterator[np.ndarray]
    rate: float
    length: int | None


def is_camera(source: object) -> bool:
    """Tell whether an input is ``camera:0`` or the like."""
    number = str(source).removeprefix(CAMERA)
    return str(source).startswith(CAMERA) and number.isdecimal()


def is_video(source: object) -> bool:
    """Tell whether an input is a camera, or called like a video file."""
    return is_camera(source) or (
        isinstance(source, (str, Path))
        and '://' not in str(source)
        and Path(source).suffix.lower() in SUFFIXES
    )


@contextmanager
def open_video(source: str | Path) -> Iterator[Video]:
    """Open a video file or a camera.

    Args:
        source: A path, or ``camera:0``.

    Yields:
        The video, upright as its file says.

    Raises:
        UserError: It is not there, damaged, or has no frames.
    """
    if is_camera(source):
        number = int(str(source).removeprefix(CAMERA))
        with _silent():
            capture = cv2.VideoCapture(number)
    else:
        source = Path(source).expanduser()
        try:
            check_regular(source)
        except OSError as error:
            raise UserError(f'video {source}: {error}') from error
        with _silent():
            capture = cv2.VideoCapture(str(source), cv2.CAP_FFMPEG)
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        yield Video(
            _frames(capture, source),
            rate if math.isfinite(rate) and rate > 0 else _USUAL_RATE,
            int(count) if math.isfinite(count) and count > 0 else None,
        )
    finally:
        capture.release()


@contextmanager
def _silent() -> Iterator[None]:
    """Let OpenCV write no lines of its own to stderr."""
    # OpenCV 5 has moved the two functions; silent is 0 in both.
    log: Any = getattr(cv2.utils, 'logging', cv2)
    level = log.getLogLevel()
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(level)


def _frames(
    capture: cv2.VideoCapture, source: str | Path
) -> Iterator[np.ndarray]:
    found, frame = capture.read()
    if not found:
        raise UserError(
            f'{source} gives no frame: the file is damaged, or of a format '
            'that OpenCV does not read, or there is no such camera'
        )
    while found:
        yield frame
        found, frame = capture.read()


@contextmanager
def new_video(
    path: Path, rate: float
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a video file, which is there when it is complete.

    Args:
        path: The file, ``.mp4``.
        rate: Frames per second.

    Yields:
        A function that appends a picture ``(H, W, 3)`` uint8 RGB; all of one
        size. A row or a column of white makes odd sizes even, as players
        want them.

    Raises:
        UserError: There was no picture, or OpenCV cannot write it, or not to
            the end.
    """
    writer = cv2.VideoWriter()
    begun = ended = 0

    def append(picture: np.ndarray) -> None:
        nonlocal begun, ended
        height, width = picture.shape[:2]
        odd = (height % 2, width % 2)
        if not begun:
            code = cv2.VideoWriter.fourcc(*_CODEC)
            size = (width + odd[1], height + odd[0])
            with _silent():
                writer.open(str(partial), cv2.CAP_FFMPEG, code, rate, size)
        even = cv2.copyMakeBorder(
            picture[..., ::-1],
            *(0, odd[0], 0, odd[1]),
            cv2.BORDER_CONSTANT,
            value=(255, 255, 255),
        )
        begun += 1
        writer.write(even)
        ended += 1

    with new_file(path) as partial:
        try:
            yield append
        finally:
            writer.release()
        if not begun:
            raise UserError(f'{path}: there was no frame to write')
        # A writer that cannot write, or a full disk, says nothing. Ctrl-C may
        # come between a frame that is written and its count.
        if not ended <= _length(partial) <= begun:
            raise UserError(
                f'{path} could not be written to its end: is the disk full, '
                'or OpenCV built without FFmpeg?'
            )


def _length(path: Path) -> int:
    if not path.is_file():
        return 0
    with _silent():
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
