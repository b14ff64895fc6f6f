"""Builds Taskonomy's layout from the full archive of CocoDoom.

Convention: the game's levels become buildings (``run1_map01``), its tics
points (``point_000012_view_0``). Image and depth are the archive's. Classes
are drawn from the exact object masks, and named by the lists' annotations:
what has no annotation there (less than 30 pixels, or a kind too rare) has no
label. Walls, floors and sky are class 0, "background". Depth is cut at 1024
map units, and so the sky's: there is no depth, normal or reshading.

The frames are those of the standard lists, which are in the small archive. The
full archive alone has lists of all frames; every 5th of the training split and
every 20th of the others are taken then, as the standard lists do. They are
counted from the first; whether the standard lists start there is not known.

Derived here, because the archive has none: normals, from planes fitted to the
depth (figures are flat pictures that face the camera); reshading, the cosine
between the normal and the way back to the camera; key points and edges, the
operators of the rendered rooms on the picture. Compare such labels only with
labels made in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from PIL import Image

from mmmtl.datasets.stored_normals import bytes_of_vectors
from mmmtl.datasets.taskonomy.dataset import CocoDoomDataset
from mmmtl.datasets.taskonomy.encodings import (
    HEAT_MAP_SCALES,
    encode_heat_map,
    find_holes,
)
from mmmtl.datasets.taskonomy.layout import ViewId, pattern
from mmmtl.errors import DatasetError
from mmmtl.geometry import Intrinsics, normals_from_depth
from mmmtl.geometry.operators import edges2d, keypoints2d
from mmmtl.io.arrays import READ_ERRORS, open_picture, read_array
from mmmtl.io.folders import new_folder
from mmmtl.io.id_lists import write_ids
from mmmtl.io.plain_files import read_json
from mmmtl.io.workers import run_parallel

SPLITS = ('train', 'val', 'test')
BACKGROUND = 'background'
_SIZE = (200, 320)
# 160 / tan(45 degrees), and the game's rounding of it.
_FOCAL = 160 / 1.0007
_CAMERA = Intrinsics(fx=_FOCAL, fy=_FOCAL, cx=160.0, cy=100.0)
# The depth is exact but for its steps.
_DEPTH_NOISE = 1e-4
_RADII = (3, 1)
# Object ids from here on are sky, floors and ceilings, walls.
_STRUCTURE = 1 << 23
# One of so many frames of the full lists is in the standard ones.
_EVERY = {'train': 5, 'val': 20, 'test': 20}
# An annotation's id is this times its image's, plus the object's.
_OBJECTS_PER_IMAGE = 10**6
_FULL = HEAT_MAP_SCALES['taskonomy']


@dataclass(frozen=True)
class CocoDoomSource:
    """What is converted.

    Attributes:
        root: The unpacked full archive, with ``run1/`` and lists of all
            frames; or both archives in one folder.
        split_by: The published division, by play or by level.
        full: Take all frames, not every 5th or 20th.
    """

    root: Path
    split_by: Literal['run', 'map'] = 'run'
    full: bool = False

    def frame_list(self, split: str) -> tuple[Path, int]:
        """Return the list of a split, and n where every n-th frame counts."""
        standard = self.root / f'{self.split_by}-{split}.json'
        if standard.exists() and not self.full:
            return standard, 1
        everything = self.root / f'{self.split_by}-full-{split}.json'
        return everything, 1 if self.full else _EVERY[split]


@dataclass(frozen=True)
class _Frame:
    """One image to convert: where it is, and what its objects are."""

    root: Path
    out: Path
    file_name: str
    classes: Mapping[int, int]


def view_of(file_name: str) -> ViewId:
    """Return the id of an image.

    Args:
        file_name: ``run1/map01/rgb/000012.png``.

    Raises:
        DatasetError: If it is another kind of path.
    """
    parts = PurePosixPath(file_name).parts
    if len(parts) != 4 or parts[2] != 'rgb' or '..' in parts:
        raise DatasetError(
            f'image {file_name!r} of a list is not called '
            'run1/map01/rgb/000012.png'
        )
    tic = PurePosixPath(parts[3]).stem
    return ViewId(f'{parts[0]}_{parts[1]}/point_{tic}_view_0')


def convert(
    source: CocoDoomSource,
    out: Path,
    *,
    workers: int = 1,
    bar: bool = False,
) -> dict[str, int]:
    """Build the folder; it appears when it is complete.

    Args:
        source: What is converted.
        out: The folder to create.
        workers: Number of processes.
        bar: Show a progress bar.

    Returns:
        Number of images by split.

    Raises:
        DatasetError: If the archive is not complete, or ``out`` holds
            something.
    """
    lists = {split: _read_list(*source.frame_list(split)) for split in SPLITS}
    # Of the training list's categories, by id.
    names = {c['id']: c['name'] for c in lists['train']['categories']}
    names = dict(sorted(names.items()))
    with new_folder(out) as folder:
        ids, frames = {}, []
        for split, content in lists.items():
            found = _frames(content, names, source, folder)
            ids[split] = [view_of(frame.file_name) for frame in found]
            frames += found
        run_parallel(
            _convert_frame,
            frames,
            workers=workers,
            bar='images' if bar else None,
        )
        _write_lists(folder, ids, [BACKGROUND, *names.values()])
    return {split: len(found) for split, found in ids.items()}


def _read_list(path: Path, every: int) -> dict[str, Any]:
    """Return a list with every n-th of its frames, in the order of ids."""
    try:
        content = read_json(path)
        content['annotations'], content['categories'][0]
        images = sorted(content['images'], key=itemgetter('id'))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DatasetError(
            f'list {path} is unreadable or no list of CocoDoom '
            f'({error!r}): unpack cocodoom-full-v1.0.tar.gz'
        ) from error
    return content | dict(images=images[::every])


def _frames(
    content: dict[str, Any],
    names: Mapping[int, str],
    source: CocoDoomSource,
    out: Path,
) -> list[_Frame]:
    # 0 is "uncertain", 1 the background.
    stored = {category: n + 2 for n, category in enumerate(names)}
    classes: dict[int, dict[int, int]] = {
        image['id']: {} for image in content['images']
    }
    for note in content['annotations']:
        image, found = note['image_id'], stored.get(note['category_id'])
        if found is not None and image in classes:
            classes[image][note['id'] % _OBJECTS_PER_IMAGE] = found
    return [
        _Frame(source.root, out, image['file_name'], classes[image['id']])
        for image in content['images']
    ]


def _convert_frame(frame: _Frame) -> None:
    image = _read(frame, 'rgb', palette=True)
    objects = _object_ids(_read(frame, 'objects'))
    depth = _read(frame, 'depth').astype(np.uint16)
    holes = find_holes(depth)
    metres = np.where(holes, 0, depth / CocoDoomDataset.DEPTH_SCALE)
    normals = normals_from_depth(
        metres, _CAMERA, noise=_DEPTH_NOISE, radii=_RADII
    )
    known = (normals != 0).any(axis=2)
    grey = np.round(255 * reshading(normals)).astype(np.uint8)
    pictures = {
        'rgb': image,
        'segment_semantic': _class_map(objects, frame.classes),
        'depth_zbuffer': depth,
        'normal': bytes_of_vectors(normals),
        'reshading': np.stack([grey] * 3, axis=-1),
        'mask_valid': np.where(known, 255, 0).astype(np.uint8),
        'keypoints2d': encode_heat_map(
            keypoints2d(image), _FULL['keypoints2d']
        ),
        'edge_texture': encode_heat_map(edges2d(image), _FULL['edges2d']),
    }
    view = view_of(frame.file_name)
    for domain, picture in pictures.items():
        name = domain.replace('segment_semantic', 'segmentsemantic')
        place = pattern('omnidata', CocoDoomDataset.COMPONENT, domain, name)
        path = frame.out / place.format(view)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)


def reshading(normals: np.ndarray) -> np.ndarray:
    """Return the cosine between normals and the way to the camera.

    Args:
        normals: ``(200, 320, 3)``.

    Returns:
        ``(200, 320)`` in 0..1; 0 where there is no normal.
    """
    height, width = normals.shape[:2]
    x = (np.arange(width) - _CAMERA.cx) / _CAMERA.fx
    y = (np.arange(height) - _CAMERA.cy) / _CAMERA.fy
    rays = np.stack([*np.meshgrid(x, y), np.ones((height, width))], axis=-1)
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    return np.clip(-(normals * rays).sum(axis=2), 0, 1)


def _read(frame: _Frame, kind: str, *, palette: bool = False) -> np.ndarray:
    place = PurePosixPath(frame.file_name)
    path = frame.root / place.parent.parent / kind / place.name
    try:
        if palette:  # the images are stored with a palette
            with open_picture(path) as picture:
                array = np.asarray(picture.convert('RGB'))
        else:
            array = read_array(path)
    except READ_ERRORS as error:
        raise DatasetError(
            f'{path} is missing or unreadable '
            f'({" ".join(str(error).split())}): depth and objects are only in '
            'cocodoom-full-v1.0.tar.gz; unpack it again'
        ) from error
    shape = _SIZE if kind == 'depth' else (*_SIZE, 3)
    if array.shape != shape:
        raise DatasetError(
            f'{path} has the shape {array.shape}, it must be {shape}'
        )
    return array


def _object_ids(stored: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(stored.astype(np.int64), -1, 0)
    return red + 256 * green + 65536 * blue


def _class_map(objects: np.ndarray, classes: Mapping[int, int]) -> np.ndarray:
    ids, places = np.unique(objects, return_inverse=True)
    stored = [1 if i >= _STRUCTURE else classes.get(int(i), 0) for i in ids]
    return np.array(stored, np.uint8)[places.reshape(objects.shape)]


def _write_lists(
    out: Path, ids: Mapping[str, list[str]], names: list[str]
) -> None:
    for split, found in ids.items():
        write_ids(out / f'splits/{split}.txt', found)
    text = ''.join(f'{name}\n' for name in names)
    (out / 'classes.txt').write_text(text, 'utf-8')
