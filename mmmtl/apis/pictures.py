"""What a user hands in as pictures: files, folders, arrays, lists of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmmtl.apis.init_model import test_dataset_of
from mmmtl.datasets.transforms.pasted import refuse_pasted
from mmmtl.registry import TRANSFORMS, build_in_scope

SUFFIXES = frozenset(
    {'.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp'}
)

PictureInput = str | Path | np.ndarray


@dataclass(frozen=True)
class Picture:
    """One picture to predict on.

    Attributes:
        name: What its results are called; no two of a call share one.
        path: Its file, None for an array.
        array: ``(H, W, 3)`` uint8 BGR, None for a file.
    """

    name: str
    path: Path | None = None
    array: np.ndarray | None = None


def collect_pictures(
    inputs: PictureInput | Sequence[PictureInput],
) -> list[Picture]:
    """List the pictures of an input before any of them is read.

    Args:
        inputs: A file, a folder (its pictures, in the order of their names;
            not those of folders in it), an array, or a list of these.

    Returns:
        The pictures; of a folder at least one.

    Raises:
        ValueError: If a folder has none, or an array is no picture.
        FileNotFoundError: If a path does not exist.
    """
    several = isinstance(inputs, Sequence) and not isinstance(inputs, str)
    found: list[Path | np.ndarray] = []
    for item in inputs if several else [inputs]:
        found += _expand(item)
    names = _unique_names(found)
    return [
        Picture(name, array=_as_bgr(item))
        if isinstance(item, np.ndarray)
        else Picture(name, path=item)
        for name, item in zip(names, found, strict=True)
    ]


def is_single(inputs: PictureInput | Sequence[PictureInput]) -> bool:
    """Tell whether the input is one picture, not a list or folder."""
    if isinstance(inputs, np.ndarray):
        return True
    return isinstance(inputs, (str, Path)) and not Path(inputs).is_dir()


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
        ValueError: If the file cannot be read.
    """
    if picture.array is not None:
        return picture.array
    try:
        image = (load(dict(img_path=str(picture.path))) or {}).get('img')
    except Exception as error:  # each decoder has errors of its own
        raise _unreadable(picture.path, str(error)) from error
    if image is None:
        raise _unreadable(picture.path, 'no picture in it')
    return _as_bgr(np.asarray(image).astype(np.uint8))


def _unreadable(path: Path | None, reason: str) -> ValueError:
    reason = reason.strip().splitlines()[0][:200] if reason.strip() else ''
    return ValueError(
        f'cannot read {path} as a picture ({reason}): the file is damaged or '
        'of another format than its name says'
    )


def _expand(item: PictureInput) -> list[Path | np.ndarray]:
    if isinstance(item, np.ndarray):
        return [item]
    path = Path(item).expanduser()
    if path.is_dir():
        files = [
            file
            for file in path.iterdir()
            if file.suffix.lower() in SUFFIXES and file.is_file()
        ]
        if not files:
            raise ValueError(
                f'folder {path} has no pictures ({" ".join(sorted(SUFFIXES))})'
            )
        return sorted(files)
    if not path.is_file():
        raise FileNotFoundError(f'no such picture or folder: {path}')
    return [path]


def _unique_names(items: Sequence[Path | np.ndarray]) -> list[str]:
    """Number names that occur again: ``a.png`` and ``a.jpg``, say."""
    names: dict[str, None] = {}  # a set that keeps the order
    for item in items:
        stem = 'array' if isinstance(item, np.ndarray) else item.stem
        name, count = stem, 1
        while name in names:
            count += 1
            name = f'{stem}_{count}'
        names[name] = None
    return list(names)


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

    def __call__(self, picture: Picture) -> dict[str, Any]:
        """Read and transform a picture.

        Args:
            picture: The picture.

        Returns:
            ``inputs`` (3, H, W), ``data_samples``, and ``image``, the
            (H, W, 3) uint8 BGR pixels as they were read.
        """
        image = read_picture(picture, self._load)
        results: dict[str, Any] = dict(
            img_path=str(picture.path or picture.name),
            sample_id=picture.name,
            img=image.copy(),
            img_shape=image.shape[:2],
            ori_shape=image.shape[:2],
        )
        for step in self._steps:
            results = step(results)
        return dict(results, image=image)


def _is(step: Mapping[str, Any], name: str) -> bool:
    kind = step.get('type')
    kind = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return kind.split('.')[-1].startswith(name)
