"""What a user hands in as pictures: files, folders, arrays, lists of them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import glob
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import cv2
import numpy as np
from PIL import Image, ImageOps

from mmmtl.datasets.transforms.pasted import refuse_pasted
from mmmtl.engine.config_tasks import test_dataset_of
from mmmtl.io.video import is_video
from mmmtl.io.web import is_url, read_url
from mmmtl.registry import TRANSFORMS, build_in_scope

SUFFIXES = frozenset(
    {'.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp'}
)

_MAGIC = re.compile(r'[*?[]')

#: Bytes that a picture from the web may have.
URL_LIMIT = 64_000_000

PictureInput = str | Path | np.ndarray | Image.Image


@dataclass(frozen=True)
class Picture:
    """One picture to predict on.

    Attributes:
        name: What its results are called; no two of a call share one.
        path: Its file, None for an array or a URL.
        array: ``(H, W, 3)`` uint8 BGR, None for a file or a URL.
        url: Where it is read from when it is its turn.
    """

    name: str
    path: Path | None = None
    array: np.ndarray | None = None
    url: str | None = None


def collect_pictures(
    inputs: PictureInput | Sequence[PictureInput],
) -> list[Picture]:
    """List the pictures of an input before any of them is read.

    Args:
        inputs: A file, a URL, a folder (its pictures, in the order of their
            names; not those of folders in it), a pattern such as
            ``'photos/**/*.jpg'``, where ``**`` is any number of folders, an
            array, a picture of Pillow's, or a list of these. Hidden files,
            whose names begin with a dot, must be named one by one.

    Returns:
        The pictures; of a folder or a pattern at least one. Those of a
        pattern are called by their path from where it begins to vary:
        ``a/x`` and ``b/x``.

    Raises:
        ValueError: If a folder or a pattern has none, or an array is no
            picture.
        FileNotFoundError: If a path does not exist.
    """
    several = isinstance(inputs, Sequence) and not isinstance(inputs, str)
    items = inputs if several else [inputs]
    found = [picture for item in items for picture in _expand(item)]
    names = unique_names([picture.name for picture in found])
    return [
        replace(picture, name=name)
        for name, picture in zip(names, found, strict=True)
    ]


def is_single(inputs: PictureInput | Sequence[PictureInput]) -> bool:
    """Tell whether the input is one picture, not a list or folder."""
    if isinstance(inputs, (str, Path)):
        path = Path(inputs).expanduser()
        return is_url(inputs) or not (path.is_dir() or _is_pattern(path))
    return isinstance(inputs, (np.ndarray, Image.Image))


def read_picture(
    picture: Picture, load: Callable[[dict], dict | None]
) -> np.ndarray:
    """Return the pixels of a picture.

    Args:
        picture: The picture.
        load: Fills ``img`` of a dict from its ``img_path``.

    Returns:
        ``(H, W, 3)`` uint8 BGR.

    Raises:
        ValueError: If the file cannot be read, or not be downloaded.
    """
    if picture.array is not None:
        return picture.array
    if picture.url is None:
        return _load(str(picture.path), str(picture.path), load)
    # Decoded as a file is: readers choose by the end of its name.
    suffix = Path(urlparse(picture.url).path).suffix
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f'picture{suffix}')
        file.write_bytes(read_url(picture.url, URL_LIMIT))
        return _load(str(file), picture.url, load)


def _load(
    path: str, said: str, load: Callable[[dict], dict | None]
) -> np.ndarray:
    try:
        image = (load(dict(img_path=path)) or {}).get('img')
    except Exception as error:  # each decoder has errors of its own
        raise _unreadable(said, str(error).replace(path, said)) from error
    if image is None:
        raise _unreadable(said, 'no picture in it')
    return _as_bgr(np.asarray(image).astype(np.uint8))


def _unreadable(path: str, reason: str) -> ValueError:
    reason = reason.strip().splitlines()[0][:200] if reason.strip() else ''
    return ValueError(
        f'cannot read {path} as a picture ({reason}): the file is damaged or '
        'of another format than its name says'
    )


def _expand(item: PictureInput) -> list[Picture]:
    if isinstance(item, np.ndarray):
        return [Picture('array', array=_as_bgr(item))]
    if isinstance(item, Image.Image):
        return [Picture('picture', array=_from_pillow(item))]
    if is_url(item):
        stem = Path(urlparse(str(item)).path).stem
        return [Picture(stem or 'picture', url=str(item))]
    if is_video(item):
        raise ValueError(
            f'{item} is a video: mmmtl.apis.predict_video takes those, and so '
            'does the command mmmtl predict'
        )
    path = Path(item).expanduser()
    if path.is_dir():
        files = [file for file in path.iterdir() if _is_picture(file)]
        if not files:
            raise ValueError(
                f'folder {path} has no pictures ({" ".join(sorted(SUFFIXES))})'
            )
        return [Picture(file.stem, path=file) for file in sorted(files)]
    if _is_pattern(path):
        return _matching(path)
    if not path.is_file():
        raise FileNotFoundError(f'no such picture or folder: {path}')
    return [Picture(path.stem, path=path)]


def _is_picture(file: Path) -> bool:
    """Tell by the name; hidden ones are left-overs, or notes of macOS."""
    return (
        not file.name.startswith('.')
        and file.suffix.lower() in SUFFIXES
        and file.is_file()
    )


def _is_pattern(path: Path) -> bool:
    """Tell a pattern from the name of a file such as ``room[1].png``."""
    return bool(_MAGIC.search(str(path))) and not path.exists()


def _matching(pattern: Path) -> list[Picture]:
    fixed = takewhile(lambda part: not _MAGIC.search(part), pattern.parts)
    root = Path(*fixed)
    files = [
        file
        for file in map(Path, sorted(glob(str(pattern), recursive=True)))
        if _is_picture(file)
    ]
    if not files:
        raise ValueError(f'no picture matches {pattern}')
    return [
        Picture(file.relative_to(root).with_suffix('').as_posix(), path=file)
        for file in files
    ]


def unique_names(stems: Sequence[str]) -> list[str]:
    """Number names that occur again: ``a.png`` and ``a.jpg``, say.

    Args:
        stems: Names of files without their ends.
    """
    names: dict[str, None] = {}  # a set that keeps the order
    for stem in stems:
        name, count = stem, 1
        while name in names:
            count += 1
            name = f'{stem}_{count}'
        names[name] = None
    return list(names)


def _from_pillow(picture: Image.Image) -> np.ndarray:
    """Turn a picture upright, as files are, and give it OpenCV's order."""
    if picture.mode.startswith(('I', 'F')):
        raise ValueError(
            f"a picture of Pillow's mode {picture.mode} has no 8 bits per "
            "channel: scale it to 0..255, and convert('RGB')"
        )
    upright = ImageOps.exif_transpose(picture).convert('RGB')
    return np.ascontiguousarray(np.asarray(upright)[..., ::-1])


def _as_bgr(array: np.ndarray) -> np.ndarray:
    """Make three channels of grey or BGRA pixels; refuse all else."""
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or channels not in (1, 3, 4):
        raise ValueError(
            'a picture must be a (H, W, 3) uint8 BGR array, found '
            f'{array.shape} {array.dtype}: convert it to 0..255 first'
        )
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[-1] == 1:
        array = np.repeat(array, 3, axis=-1)
    # Without an alpha channel, as mmcv reads files that have one.
    return np.ascontiguousarray(array[..., :3])


class PicturePipeline:
    """From a picture to what the model takes, as in an evaluation."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Build the transforms.

        Args:
            config: Its ``test_dataloader.dataset.pipeline`` is taken, or its
                ``test_pipeline`` where it has no test data.

        Raises:
            ValueError: If there is no pipeline, or none that loads and packs
                an image, or one that leaves predictions out of place.
        """
        steps = test_dataset_of(config).get('pipeline')
        steps = steps or config.get('test_pipeline') or []
        loaders = [step for step in steps if _is(step, 'LoadImageFromFile')]
        # Whatever else is loaded is a label; a picture comes without labels.
        others = [step for step in steps if not _is(step, 'Load')]
        if len(loaders) != 1 or not others:
            raise ValueError(
                'the test pipeline must have one LoadImageFromFile and a '
                'PackMultiTaskInputs, found '
                f'{[str(step.get("type")) for step in steps]}'
            )
        self._load: Callable = build_in_scope(TRANSFORMS, loaders[0])
        self._steps = [build_in_scope(TRANSFORMS, step) for step in others]
        refuse_pasted(self._steps)

    def read(self, picture: Picture) -> np.ndarray:
        """Return the (H, W, 3) uint8 BGR pixels of a picture."""
        return read_picture(picture, self._load)

    def __call__(self, picture: Picture) -> dict[str, Any]:
        """Read and transform a picture.

        Args:
            picture: The picture.

        Returns:
            ``inputs`` (3, H, W), ``data_samples``, and ``image``, the
            (H, W, 3) uint8 BGR pixels as they were read.

        Raises:
            ValueError: If it cannot be read, or has another shape than the
                transforms can work on.
        """
        image = self.read(picture)
        results: dict[str, Any] = dict(
            img_path=str(picture.path or picture.name),
            sample_id=picture.name,
            img=image.copy(),
            img_shape=image.shape[:2],
            ori_shape=image.shape[:2],
        )
        try:
            for step in self._steps:
                results = step(results)
        except cv2.error as error:  # such as a side that shrinks to nothing
            height, width = image.shape[:2]
            raise ValueError(
                f'{picture.name}: {width} x {height} pixels cannot '
                'be brought to the size that the model takes: cut or enlarge '
                'it'
            ) from error
        return dict(results, image=image)


def _is(step: Mapping[str, Any], name: str) -> bool:
    kind = step.get('type')
    kind = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return kind.split('.')[-1].startswith(name)
