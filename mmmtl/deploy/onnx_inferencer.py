"""Runs an exported file: numpy and onnxruntime, nothing else.

Copy this one file to a device, or install mmmtl without PyTorch. Files are
read by Pillow, where it is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: Under which key a file says what it holds.
METADATA_KEY = 'mmmtl'
_VOID = 'NaN or infinite: its weights diverged, or its precision is too low'

SUFFIXES = frozenset(
    {'.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp'}
)

Maps = dict[str, np.ndarray]
PictureInput = str | Path | np.ndarray


class OnnxInferencer:
    """Predicts every task of an exported model on pictures.

    Convention:
        As ``mmmtl.apis.MultiTaskInferencer``: arrays are ``(H, W, 3)`` uint8
        BGR; maps have their size, and the units that ``tasks`` names.

    Attributes:
        tasks: Per task ``kind``, ``unit``, ``classes`` and ``palette`` (None
            for tasks without), ...
        metadata: All that the file says about itself.

    Examples:
        >>> maps = OnnxInferencer('rooms.onnx')('room.png')
    """

    def __init__(
        self,
        path: str | Path,
        *,
        providers: Sequence[str] = ('CPUExecutionProvider',),
        threads: int | None = None,
    ) -> None:
        """Open a file.

        Args:
            path: What ``tools/deployment/export.py`` wrote.
            providers: onnxruntime's; the first that is there is used.
            threads: All processors if None.

        Raises:
            ValueError: If the file is none of ours.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        if threads is not None:
            options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(path), options, providers=list(providers)
        )
        found = self.session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in found:
            raise ValueError(
                f'{path} was not exported by mmmtl; use mmmtl export'
            )
        self.metadata = json.loads(found[METADATA_KEY])
        self.tasks: dict[str, dict[str, Any]] = self.metadata['tasks']

    def __call__(
        self,
        inputs: PictureInput | Sequence[PictureInput],
        *,
        batch_size: int = 1,
        tasks: Sequence[str] | None = None,
    ) -> Maps | list[Maps]:
        """Predict on all pictures and keep the results in memory.

        Args:
            inputs: A file, a folder, a BGR array, or a list of these.
            batch_size: Pictures of one size that are run together, where
                the file takes any number.
            tasks: Tasks to return, all if None; the others are not computed.

        Returns:
            ``{task: map}``; a list of these for a folder or list.

        Raises:
            ValueError: If an input is no picture or of a size that the file
                does not take, a task is none of its, or a map not finite.
        """
        results = list(self.stream(inputs, batch_size=batch_size, tasks=tasks))
        return results[0] if _is_single(inputs) else results

    def stream(
        self,
        inputs: PictureInput | Sequence[PictureInput],
        *,
        batch_size: int = 1,
        tasks: Sequence[str] | None = None,
    ) -> Iterator[Maps]:
        """Predict picture by picture, as when the object is called."""
        names = list(self.tasks if tasks is None else tasks)
        if unknown := [name for name in names if name not in self.tasks]:
            raise ValueError(
                f'this file does not predict {unknown}; its tasks are '
                f'{list(self.tasks)}'
            )
        most = self.metadata['input']['batch'] or batch_size
        batch: list[np.ndarray] = []
        for item in _items(inputs):
            picture = self._check(_read(item))
            if batch and (
                len(batch) == most or picture.shape != batch[0].shape
            ):
                yield from self._run(batch, names)
                batch = []
            batch.append(picture)
        if batch:
            yield from self._run(batch, names)

    def _run(
        self, pictures: Sequence[np.ndarray], names: Sequence[str]
    ) -> Iterator[Maps]:
        # A file of a fixed number gets that number: the rest repeats.
        missing = (self.metadata['input']['batch'] or 0) - len(pictures)
        batch = np.stack([*pictures, *[pictures[-1]] * missing])
        rgb = np.ascontiguousarray(batch[..., ::-1])
        found: Any = self.session.run(list(names), {'image': rgb})
        for index in range(len(pictures)):
            maps = dict(zip(names, (v[index] for v in found), strict=True))
            for name, v in maps.items():
                void = self.tasks[name].get('void')  # of whole numbers
                if (v != v if void is None else v == void).all():
                    raise ValueError(f'the prediction of {name} is {_VOID}')
            yield maps

    def _check(self, picture: np.ndarray) -> np.ndarray:
        takes = self.metadata['input']
        height, width = found = list(picture.shape[:2])
        wanted = takes['size']
        if wanted is None:
            step, least = takes['step'], takes['least']
            fits = min(found) >= least and not any(s % step for s in found)
            text = f'sides of {least} or more that are multiples of {step}'
        else:
            fits = found == wanted
            text = f'{wanted[0]}x{wanted[1]} only'
        if not fits:
            raise ValueError(
                f'a picture is {height}x{width} (height x width), this file '
                f'takes {text}: resize it, or export with another --size'
            )
        return picture


def _is_single(inputs: PictureInput | Sequence[PictureInput]) -> bool:
    if isinstance(inputs, (str, Path)):
        return not Path(inputs).is_dir()
    return isinstance(inputs, np.ndarray)


def _items(
    inputs: PictureInput | Sequence[PictureInput],
) -> Iterator[Path | np.ndarray]:
    several = isinstance(inputs, Sequence) and not isinstance(inputs, str)
    for item in inputs if several else [inputs]:
        if isinstance(item, np.ndarray):
            yield item
        elif Path(item).is_dir():
            files = sorted(Path(item).iterdir())
            yield from (f for f in files if f.suffix.lower() in SUFFIXES)
        else:
            yield Path(item)


def _read(item: Path | np.ndarray) -> np.ndarray:
    """Return ``(H, W, 3)`` uint8 BGR pixels."""
    if isinstance(item, Path):
        from PIL import Image, ImageOps

        with Image.open(item) as file:
            if file.mode.startswith(('I', 'F')):
                text = f'{item} has no 8 bits per channel: scale it to 0..255'
                raise ValueError(f'{text} (its mode is {file.mode})')
            # As OpenCV reads photographs: upright.
            upright = ImageOps.exif_transpose(file).convert('RGB')
        return np.asarray(upright)[..., ::-1]
    if item.dtype != np.uint8 or item.ndim != 3 or item.shape[2] != 3:
        text = 'a picture must be a (H, W, 3) uint8 BGR array, found'
        raise ValueError(f'{text} {item.shape} {item.dtype}')
    return item
