"""Predicted maps as files, in the units they have in memory."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmmtl.structures import get_task_spec


def check_out_dir(
    out_dir: str | Path | None, *, save_maps: bool
) -> Path | None:
    """Refuse an output folder before the first picture is predicted.

    Args:
        out_dir: The folder; made when it is needed.
        save_maps: Maps are to be written.

    Returns:
        The folder.

    Raises:
        ValueError: If there is none to write to.
    """
    if out_dir is None:
        if save_maps:
            raise ValueError('save_maps needs an out_dir to write to')
        return None
    folder = Path(out_dir).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'out_dir {folder} is a file: name a folder')
    return folder


def save_map(folder: Path, task: str, name: str, values: np.ndarray) -> Path:
    """Write one map.

    Args:
        folder: The output folder; the map goes to ``maps/<task>`` in it.
        task: Task name.
        name: Name of the picture.
        values: ``(H, W)`` or ``(H, W, 3)``. Class ids become a grey 8 bit
            PNG, all else a float32 ``.npy``.

    Returns:
        The file.
    """
    target = folder / 'maps' / task
    target.mkdir(parents=True, exist_ok=True)
    if get_task_spec(task).decode != 'argmax':
        path = target / f'{name}.npy'
        np.save(path, values.astype(np.float32))
        return path
    path = target / f'{name}.png'
    path.write_bytes(cv2.imencode('.png', values.astype(np.uint8))[1])
    return path
