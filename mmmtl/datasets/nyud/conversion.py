"""Builds the layouts NYUDv2 and NYUD_MT from the official labelled set.

Its files: ``nyu_depth_v2_labeled.mat`` (MATLAB 7.3, that is HDF5) has 1449
frames; ``splits.mat`` says which are for training and for testing, by numbers
from 1; ``classMapping40.mat`` maps the 894 annotated classes to the 40 of the
benchmark.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from PIL import Image

from mmmtl.datasets.nyud.encodings import (
    ViewMaps,
    write_arrays,
    write_pictures,
)
from mmmtl.datasets.stored_normals import vectors_of_bytes
from mmmtl.datasets.transforms.raw_depth import RAW_FOLDER
from mmmtl.errors import DatasetError, MissingFileError
from mmmtl.geometry import (
    NYUD_COLOUR,
    instance_boundaries,
    normals_from_depth,
)
from mmmtl.io.arrays import READ_ERRORS, open_picture, read_mat, unreadable
from mmmtl.io.folders import META_FILE, new_folder
from mmmtl.io.id_lists import write_ids
from mmmtl.io.workers import run_parallel

# Of 480x640: the region that the depth camera sees, as the boundary and the
# 40-class benchmarks cut it.
CROP = (slice(45, 470), slice(40, 600))
# MulT blackens what lies outside in frames and takes its labels away; turned
# frames bring some of it into the picture.
FRAME = (slice(7, 474), slice(7, 632))
#: Name in the file -> axes as HDF5 shows them, the reverse of MATLAB's.
_MAPS = {
    'images': ('N', 3, 640, 480),
    'depths': ('N', 640, 480),
    'rawDepths': ('N', 640, 480),
    'labels': ('N', 640, 480),
    'instances': ('N', 640, 480),
}
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
    classes = _forty(frame, read_class_map(source.classes), number)
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


@cache
def _mat(path: Path) -> LabeledMat:
    """Keep one open file per process."""
    return LabeledMat(path)


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
    try:
        with open_picture(path) as picture:
            stored = np.asarray(picture.convert('RGB'))
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
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


@dataclass(frozen=True)
class Frame:
    """One labelled view, in image order.

    Attributes:
        image: ``(480, 640, 3)`` uint8 RGB.
        depth: ``(480, 640)`` float32 metres, holes in-painted.
        raw_depth: ``(480, 640)`` float32 metres, 0 in the holes.
        labels: ``(480, 640)`` class number from 1, 0 unlabelled.
        instances: ``(480, 640)`` number of the object within its class.
    """

    image: np.ndarray
    depth: np.ndarray
    raw_depth: np.ndarray
    labels: np.ndarray
    instances: np.ndarray


class LabeledMat:
    """The labelled set, read frame by frame (whole it takes 5 GB)."""

    def __init__(self, path: Path) -> None:
        """Open and check the file.

        Args:
            path: ``nyu_depth_v2_labeled.mat``.

        Raises:
            DatasetError: If it is not that file.
        """
        try:
            import h5py
        except ImportError as error:
            raise DatasetError(
                'reading MATLAB 7.3 files needs h5py: pip install h5py'
            ) from error
        if not path.is_file():
            raise MissingFileError(f'{path}: no such file')
        try:
            self._file = h5py.File(path, 'r')
        except OSError as error:
            what = 'is no MATLAB 7.3 file, or truncated'
            raise _broken(f'{path} {what}', error) from error
        self.path = path
        self._check_maps()

    def __enter__(self) -> LabeledMat:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._file['images'].shape[0]

    def frame(self, number: int) -> Frame:
        """Read one view.

        Args:
            number: From 1, as the data set counts.

        Raises:
            DatasetError: If the file is damaged there.
        """
        try:
            found = {name: self._file[name][number - 1] for name in _MAPS}
        except OSError as error:
            what = f'frame {number} is unreadable'
            raise _broken(f'{self.path}: {what}', error) from error
        # Transposed, not rotated: a rotation would mirror the picture.
        return Frame(
            image=np.ascontiguousarray(found['images'].transpose(2, 1, 0)),
            depth=_transposed(found['depths'], np.float32),
            raw_depth=_transposed(found['rawDepths'], np.float32),
            labels=_transposed(found['labels'], np.int64),
            instances=_transposed(found['instances'], np.int64),
        )

    def _check_maps(self) -> None:
        for name, axes in _MAPS.items():
            found = self._file.get(name)
            shape = getattr(found, 'shape', None)
            if shape is None or shape[1:] != axes[1:]:
                self._file.close()
                state = 'is missing' if shape is None else f'is {shape}'
                raise DatasetError(
                    f'{self.path}: {name!r} {state}, it must be '
                    f'({", ".join(map(str, axes))}): this is not '
                    'nyu_depth_v2_labeled.mat'
                )


def _broken(what: str, error: OSError) -> DatasetError:
    reason = ' '.join(str(error).split())
    return DatasetError(f'{what} ({reason}): download it again')


def _transposed(array: np.ndarray, dtype: type) -> np.ndarray:
    return np.ascontiguousarray(array.T.astype(dtype))


def read_splits(path: Path, frames: int) -> dict[str, list[int]]:
    """Read ``splits.mat``.

    Args:
        path: The file.
        frames: Number of frames of the labelled set.

    Returns:
        Frame numbers from 1 for ``train`` and ``val`` (the official test
        set, as the multi-task literature calls it).

    Raises:
        DatasetError: If it is not that file, or of another labelled set.
    """
    names = {'train': 'trainNdxs', 'val': 'testNdxs'}
    splits = {
        split: sorted(read_mat(path, name).ravel().astype(int).tolist())
        for split, name in names.items()
    }
    both = splits['train'] + splits['val']
    if len(set(both)) < len(both):
        raise DatasetError(f'{path}: a frame is in two places')
    if not both or min(both) < 1 or max(both) > frames:
        raise DatasetError(
            f'{path} names frames up to {max(both, default=0)}, the labelled '
            f'set has 1 to {frames}: the two do not belong together'
        )
    return splits


@cache
def read_class_map(path: Path) -> np.ndarray:
    """Read ``classMapping40.mat``.

    Args:
        path: The file.

    Returns:
        uint8 ``(895,)``: class number 0 to 894 -> 0 (unlabelled) to 40.

    Raises:
        DatasetError: If it is not that file.
    """
    classes = read_mat(path, 'mapClass').ravel()
    if classes.size == 0 or classes.min() < 1 or classes.max() > 40:
        raise DatasetError(f'{path}: mapClass must hold 1 to 40')
    return np.concatenate([[0], classes]).astype(np.uint8)
