"""Clips for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np


def write_clip(
    path: Path,
    levels: Sequence[int],
    size: tuple[int, int] = (40, 64),
    *,
    rate: float = 10,
    codec: str = 'mp4v',
) -> Path:
    """Write a clip of grey frames."""
    code = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), code, rate, size[::-1])
    assert writer.isOpened()
    for level in levels:
        writer.write(np.full((*size, 3), level, np.uint8))
    writer.release()
    return path
