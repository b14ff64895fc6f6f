"""Reads the official files of NYU Depth v2.

``nyu_depth_v2_labeled.mat`` (MATLAB 7.3, that is HDF5) has 1449 frames;
``splits.mat`` says which are for training and for testing, by numbers from 1;
``classMapping40.mat`` maps the 894 annotated classes to the 40 of the
benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from mmmtl.errors import DatasetError, MissingFileError
from mmmtl.io.arrays import read_mat

#: Name in the file -> axes as HDF5 shows them, the reverse of MATLAB's.
_MAPS = {
    'images': ('N', 3, 640, 480),
    'depths': ('N', 640, 480),
    'rawDepths': ('N', 640, 480),
    'labels': ('N', 640, 480),
    'instances': ('N', 640, 480),
}


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
