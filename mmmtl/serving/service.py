"""What happens to a photograph that somebody sends; knows of no web."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePath
from typing import Any

import mmcv
import numpy as np
from PIL import Image

from mmmtl.apis import MultiTaskInferencer
from mmmtl.apis.outputs import Maps, choose_tasks, encode_map, map_suffix
from mmmtl.visualization.picture_record import picture_record

#: What is decoded; each further format is more code that strangers reach.
FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP', 'TIFF')
MAX_PIXELS = 16_000_000
# Bytes of maps that are kept for download, of the latest pictures.
_KEPT = 1_000_000_000


class Refusal(Exception):
    """A picture is not taken.

    Attributes:
        status: HTTP status that says so.
    """

    def __init__(self, status: int, reason: str) -> None:
        """Keep the status; the reason is for whoever sent the picture."""
        super().__init__(reason)
        self.status = status


class PictureService:
    """Predicts one picture at a time, from memory to memory.

    Examples:
        >>> service = PictureService(mmmtl.open_model('rooms-lite0'))
        >>> record = service.predict(Path('a.jpg').read_bytes(), 'a.jpg')
    """

    def __init__(
        self,
        inferencer: MultiTaskInferencer,
        *,
        tasks: Sequence[str] | None = None,
        max_pixels: int = MAX_PIXELS,
        max_waiting: int = 8,
    ) -> None:
        """Remember the model.

        Args:
            inferencer: The model.
            tasks: Tasks to show, all if None.
            max_pixels: Larger pictures are refused before they are decoded.
            max_waiting: Pictures that are predicted or wait for it; further
                ones are refused.
        """
        self._inferencer = inferencer
        self._tasks = choose_tasks(inferencer.model.tasks, tasks)
        self._max_pixels = max_pixels
        self._places = threading.BoundedSemaphore(max_waiting)
        self._turn = threading.Lock()
        self._kept: OrderedDict[str, tuple[str, Maps]] = OrderedDict()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place in the queue; to be had before a file is read.

        Raises:
            Refusal: There is a crowd.
        """
        if not self._places.acquire(blocking=False):
            raise Refusal(503, 'too many pictures wait: try again in a while')
        try:
            yield
        finally:
            self._places.release()

    def predict(self, content: bytes, name: str) -> dict[str, Any]:
        """Predict every task on one picture, when it is its turn.

        Args:
            content: The file.
            name: What it is called; shown, and part of names of downloads.

        Returns:
            What :func:`picture_record` says, and in each task the address
            and name of its ``download``.

        Raises:
            Refusal: It is no picture, or too large.
        """
        with self._turn:
            return self._predict(self._decode(content), name)

    def download(self, key: str, task: str) -> tuple[str, bytes]:
        """Return a map of one of the latest pictures.

        Args:
            key: What the address in its record says.
            task: Task name.

        Returns:
            Name of the file, and what it holds: what
            :func:`mmmtl.apis.outputs.save_map` writes.

        Raises:
            Refusal: The maps are gone, or never were.
        """
        name, maps = self._kept.get(key, ('', {}))
        if task not in maps:
            raise Refusal(404, 'these maps are gone: drop the picture again')
        suffix, content = map_suffix(task), encode_map(task, maps[task])
        return f'{name}_{task}{suffix}', content

    def _decode(self, content: bytes) -> Image.Image | np.ndarray:
        try:
            picture = Image.open(BytesIO(content), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise Refusal(413, f'the picture is too large: {error}') from error
        except Exception as error:  # each decoder has errors of its own
            raise Refusal(
                415, f'this is no picture of the formats {", ".join(FORMATS)}'
            ) from error
        pixels = picture.width * picture.height
        if pixels > self._max_pixels:
            raise Refusal(
                413,
                f'{picture.width} x {picture.height} pixels: at most '
                f'{self._max_pixels / 1e6:g} million are taken; make it '
                'smaller',
            )
        try:
            picture.load()
            if not picture.mode.startswith(('I', 'F')):
                return picture
            # More than 8 bits: made 8 as `mmmtl predict` makes them of a file.
            return np.asarray(mmcv.imfrombytes(content), np.uint8)
        except Exception as error:
            raise Refusal(415, 'the picture is damaged') from error

    def _predict(
        self, picture: Image.Image | np.ndarray, name: str
    ) -> dict[str, Any]:
        try:
            (result,) = self._inferencer.stream(picture, tasks=self._tasks)
        except ValueError as error:
            raise Refusal(415, str(error)) from error
        record = picture_record(
            name,
            result.image,
            result.maps,
            self._inferencer.model.dataset_meta,
        )
        key = secrets.token_urlsafe(16)
        stem = PurePath(name).stem or 'picture'
        self._keep(key, stem, result.maps)
        for task in record['tasks']:
            suffix = map_suffix(task['task'])
            task['download'] = dict(
                address=f'maps/{key}/{task["task"]}',
                name=f'{stem}_{task["task"]}{suffix}',
            )
        return record

    def _keep(self, key: str, name: str, maps: Maps) -> None:
        self._kept[key] = name, {t: _small(v) for t, v in maps.items()}
        while len(self._kept) > 1 and self._size() > _KEPT:
            self._kept.popitem(last=False)

    def _size(self) -> int:
        return sum(_bytes_of(maps) for _, maps in self._kept.values())


def _small(values: np.ndarray) -> np.ndarray:
    """Keep class ids, which a model gives in 64 bits, in as few as hold them.

    Of a float map, nothing may be lost.
    """
    if values.dtype.kind != 'i':
        return values
    return values.astype(np.min_scalar_type(values.max(initial=0)))


def _bytes_of(maps: Mapping[str, np.ndarray]) -> int:
    return sum(values.nbytes for values in maps.values())
