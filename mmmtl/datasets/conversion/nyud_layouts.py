"""The files of a view of NYU Depth v2, in the two layouts there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from mmmtl.datasets.archive_normals import swap_frame

LayoutName = Literal['nyud', 'nyud-mt']
_JPEG = dict(quality=95, subsampling=0)


@dataclass(frozen=True)
class ViewMaps:
    """What is stored of a view, all of one size.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB.
        segmentation: ``(H, W)`` uint8, 0 unlabelled, 1..40 the classes.
        depth: ``(H, W)`` float32 metres, 0 unknown.
        normals: ``(H, W, 3)`` float32 vectors of our frame, 0 0 0 where
            there is none; their length may be off by a step of 1 / 255. They
            are written in the archives' frame.
        edge: ``(H, W)`` uint8, 0 and 1.
    """

    image: np.ndarray
    segmentation: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    edge: np.ndarray


@dataclass(frozen=True)
class Layout:
    """A layout.

    Attributes:
        no_normal: What stands where there is no normal.
        write: Writes a view, given the folder and the id. The folders of
            the maps are there.
    """

    no_normal: str
    write: Callable[[Path, str, ViewMaps], None]


def write_pictures(folder: Path, sample_id: str, maps: ViewMaps) -> None:
    """Write a view as :class:`mmmtl.datasets.NYUDv2Dataset` reads it.

    Args:
        folder: The data folder.
        sample_id: The view.
        maps: What to write.
    """
    normals = swap_frame(maps.normals)
    pictures = {
        'images': maps.image,
        'segmentation': maps.segmentation,
        'edge': maps.edge * np.uint8(255),
        'normals': np.round((normals + 1) * 127.5).astype(np.uint8),
    }
    for name, picture in pictures.items():
        path = folder / f'{name}/{sample_id}.png'
        Image.fromarray(np.ascontiguousarray(picture)).save(path)
    np.save(folder / f'depth/{sample_id}.npy', maps.depth)


def write_arrays(folder: Path, sample_id: str, maps: ViewMaps) -> None:
    """Write a view as :class:`mmmtl.datasets.NYUDMTDataset` reads it.

    Args:
        folder: The data folder.
        sample_id: The view.
        maps: What to write; normals are made unit vectors.
    """
    image = Image.fromarray(np.ascontiguousarray(maps.image))
    image.save(folder / f'images/{sample_id}.jpg', **_JPEG)
    path = folder / f'segmentation/{sample_id}.png'
    Image.fromarray(np.ascontiguousarray(maps.segmentation)).save(path)
    length = np.linalg.norm(maps.normals, axis=2, keepdims=True)
    arrays = {
        'depth': maps.depth,
        'normals': swap_frame(maps.normals) / np.where(length > 0, length, 1),
        'edge': maps.edge,
    }
    for name, array in arrays.items():
        np.save(folder / f'{name}/{sample_id}.npy', array.astype(np.float32))


LAYOUTS: dict[LayoutName, Layout] = {
    'nyud': Layout('128 128 128', write_pictures),
    'nyud-mt': Layout('0 0 0', write_arrays),
}
