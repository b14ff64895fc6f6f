"""Builds the layouts NYUDv2 and NYUD_MT from the official labelled set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from mmmtl.datasets.geometry import (
    NYUD_COLOUR,
    instance_boundaries,
    normals_from_depth,
)
from mmmtl.datasets.nyud.encodings import (
    ViewMaps,
    write_arrays,
    write_pictures,
)
from mmmtl.datasets.nyud.official_files import (
    Frame,
    LabeledMat,
    read_class_map,
    read_splits,
)
from mmmtl.datasets.sample_files import write_ids
from mmmtl.datasets.stored_normals import vectors_of_bytes
from mmmtl.datasets.transforms.raw_depth import RAW_FOLDER
from mmmtl.errors import DatasetError
from mmmtl.io.folders import new_folder
from mmmtl.io.workers import run_parallel

# Of 480x640: the region that the depth camera sees, as the boundary and the
# 40-class benchmarks cut it.
CROP = (slice(45, 470), slice(40, 600))
# MulT blackens what lies outside in frames and takes its labels away; turned
# frames bring some of it into the picture.
FRAME = (slice(7, 474), slice(7, 632))
META_FILE = 'meta.json'
FOLDERS = ('images', 'segmentation', 'depth', 'normals', 'edge', 'gt_sets')
LayoutName = Literal['nyud', 'nyud-mt']
# How a view is written, and what stands where it has no normal.
_LAYOUTS = {
    'nyud': (write_pictures, '128 128 128'),
    'nyud-mt': (write_arrays, '0 0 0'),
}
_CHECKED_FRAMES = 5
# Mean angle, degrees, with room for two ways to smooth; unrelated directions
# are 90 apart on average.
_MAX_DISAGREEMENT = 40.0


@dataclass(frozen=True)
class NYUDSource:
    """What is converted, and how.

    Attributes:
        labeled: ``nyu_depth_v2_labeled.mat``.
        splits: ``splits.mat``.
        classes: ``classMapping40.mat``.
        normals_dir: Unpacked normals of Ladicky et al.; None computes
            normals from the measured depth.
        raw_depth: Store the measured depth, 0 in its holes, in place of the
            in-painted one.
        layout: Which files are written.
        full_frame: Keep all 480x640 pixels instead of the benchmarks' crop,
            black and without classes and boundaries at their border, and the
            measured depth beside the other one, as MulT's loader needs them.
    """

    labeled: Path
    splits: Path
    classes: Path
    normals_dir: Path | None = None
    raw_depth: bool = False
    layout: LayoutName = 'nyud'
    full_frame: bool = False

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns that are kept."""
        return (slice(None), slice(None)) if self.full_frame else CROP

    def meta(self) -> dict[str, object]:
        """Return what goes with the data."""
        return {
            'content': 'NYU Depth v2, official labelled set',
            'layout': self.layout,
            'source_bytes': self.labeled.stat().st_size,
            **(
                {
                    'crop': 'none; black outside of rows 7 to 473, columns 7 '
                    'to 631',
                    RAW_FOLDER: 'measured, millimetres, 0 unknown',
                }
                if self.full_frame
                else {'crop': 'rows 45 to 469, columns 40 to 599 of 480x640'}
            ),
            'depth': 'measured' if self.raw_depth else 'in-painted',
            'normals': 'computed from the measured depth; '
            f'{_LAYOUTS[self.layout][1]} where there is none'
            if self.normals_dir is None
            else 'of Ladicky et al., channels reversed and negated',
            'normals_frame': 'x left, y up, z towards the camera',
            'edge': 'derived from (label, instance); not the published '
            'boundary maps',
        }


def convert(
    source: NYUDSource,
    out: Path,
    *,
    workers: int = 1,
    bar: bool = False,
) -> dict[str, int]:
    """Write the whole data set, or nothing.

    Args:
        source: What to convert.
        out: Folder to create; it may exist if it is empty.
        workers: Number of processes.
        bar: Show a progress bar.

    Returns:
        Number of frames of each split.

    Raises:
        DatasetError: If a file cannot be used, or ``out`` holds something.
    """
    with LabeledMat(source.labeled) as mat:
        splits = read_splits(source.splits, len(mat))
        read_class_map(source.classes)
        if source.normals_dir is not None:
            _check_normals(source.normals_dir, mat, splits['train'])
    numbers = [n for split in splits.values() for n in split]
    with new_folder(out) as folder:
        for name in (*FOLDERS, *[RAW_FOLDER] * source.full_frame):
            (folder / name).mkdir()
        try:
            run_parallel(
                _convert_one,
                [(source, folder, number) for number in numbers],
                workers=workers,
                bar='frames' if bar else None,
            )
        finally:
            _mat.cache_clear()  # with one worker it was opened here
        for split, members in splits.items():
            ids = [f'{number:04d}' for number in members]
            write_ids(folder / f'gt_sets/{split}.txt', ids)
        text = json.dumps(source.meta(), indent=2) + '\n'
        (folder / META_FILE).write_text(text, 'utf-8')
    return {split: len(members) for split, members in splits.items()}


def _convert_one(job: tuple[NYUDSource, Path, int]) -> None:
    source, folder, number = job
    window = source.window
    frame = _mat(source.labeled).frame(number)
    image = frame.image
    classes = _forty(frame, _class_map(source.classes), number)
    edge = instance_boundaries(frame.labels, frame.instances)
    if source.full_frame:
        image, classes, edge = map(_blank_border, (image, classes, edge))
    depth = frame.raw_depth if source.raw_depth else frame.depth
    if source.normals_dir is None:
        # Where depth is in-painted, that is made up, normals would be too.
        normals = normals_from_depth(frame.raw_depth, NYUD_COLOUR)
    else:
        normals = vectors_of_bytes(read_normals(source.normals_dir, number))
    maps = ViewMaps(
        image=image[window],
        segmentation=classes[window],
        depth=depth[window],
        normals=normals[window],
        edge=edge[window],
    )
    write, _ = _LAYOUTS[source.layout]
    write(folder, f'{number:04d}', maps)
    if source.full_frame:
        # MulT's loader needs both, and stores millimetres too.
        millimetres = np.rint(frame.raw_depth * 1000).astype(np.uint16)
        path = folder / RAW_FOLDER / f'{number:04d}.png'
        Image.fromarray(millimetres).save(path)


def _blank_border(array: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(array)
    kept[FRAME] = array[FRAME]
    return kept


# One open file per process.
_mat = cache(LabeledMat)
_class_map = cache(read_class_map)


def _forty(frame: Frame, class_map: np.ndarray, number: int) -> np.ndarray:
    largest = int(frame.labels.max())
    if largest >= class_map.size:
        raise DatasetError(
            f'frame {number} holds class {largest}, the class map ends at '
            f'{class_map.size - 1}: the two do not belong together'
        )
    return class_map[frame.labels]


def read_normals(folder: Path, number: int) -> np.ndarray:
    """Read a map of Ladicky et al. and turn it into our frame, as bytes.

    Convention:
        Their channels are forward, down, right in RGB order; ours are right,
        down, forward. They have no code for "none": every pixel has a
        normal, also where depth was not measured.

    Args:
        folder: Has ``train/`` and ``test/``.
        number: The frame, from 1.

    Raises:
        DatasetError: If there is no such map, or it has another size.
    """
    name = f'{number:05d}.png'
    places = [folder / part / name for part in ('train', 'test')]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DatasetError(f'{folder} has neither train/{name} nor test/')
    with Image.open(path) as picture:
        stored = np.asarray(picture.convert('RGB'))
    if stored.shape != (480, 640, 3):
        raise DatasetError(f'{path} is {stored.shape}, not 480x640')
    return stored[..., ::-1]


def _check_normals(folder: Path, mat: LabeledMat, numbers: list[int]) -> None:
    """Refuse normals whose axes are not what they are taken for."""
    angles = []
    for number in numbers[:_CHECKED_FRAMES]:
        ours = normals_from_depth(mat.frame(number).raw_depth, NYUD_COLOUR)
        theirs = read_normals(folder, number) / 127.5 - 1
        known = (ours != 0).any(axis=2)
        dots = (ours * theirs).sum(axis=2)
        length = np.linalg.norm(theirs, axis=2)
        angles.append(np.arccos(np.clip(dots / length, -1, 1)[known]))
    mean = float(np.degrees(np.mean(np.concatenate(angles))))
    if not mean <= _MAX_DISAGREEMENT:
        raise DatasetError(
            f'the normals in {folder} and those of the depth differ by '
            f'{mean:.0f} degrees on average: their channels must be '
            'forward, down, right'
        )
