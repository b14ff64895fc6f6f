"""NYU Depth v2 as the multi-task literature uses it: 795 + 654 views.

Layout (the archive of the ATRC paper; ``tools/dataset_converters/rooms.py``
writes the same)::

    images/<id>.png         RGB, 425x560
    segmentation/<id>.png   0 unlabelled, 1..40 the classes
    normals/<id>.png        RGB, unit vector = 2 v / 255 - 1; x left, y up,
                            z towards the camera; 128 128 128 none
    depth/<id>.npy          float, metres, 0 unknown
    edge/<id>.png           0 or 255
    gt_sets/train.txt, gt_sets/val.txt   one id of four digits per line
"""

from __future__ import annotations

import numpy as np

from mmmtl.datasets.archive_normals import swap_frame, vectors_of_bytes
from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.nyud.classes import CLASSES, PALETTE
from mmmtl.errors import ValueRangeError
from mmmtl.io.arrays import check_map
from mmmtl.registry import DATASETS

# The sensor saw to about 10 m. More than this is another unit (millimetres)
# or the 255 that some code writes for "unknown".
MAX_DEPTH_M = 100.0


def decode_semseg(stored: np.ndarray) -> np.ndarray:
    """From stored ids (0 unlabelled, 1.. classes) to 0.., 255 unlabelled.

    Args:
        stored: ``(H, W)`` whole numbers.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: If it is no map of whole numbers 0 to 255.
    """
    check_map(stored, 'class ids', 'iu')
    if stored.dtype != np.uint8:
        low, high = stored.min(initial=0), stored.max(initial=0)
        if low < 0 or high > 255:
            raise ValueRangeError(
                f'holds {low} to {high}: write class ids as uint8, 0 where '
                'unlabelled'
            )
        stored = stored.astype(np.uint8)
    return stored - np.uint8(1)  # 0 wraps around to 255


def decode_depth(stored: np.ndarray) -> np.ndarray:
    """Check metres; 0 is "unknown".

    Args:
        stored: ``(H, W)`` or ``(H, W, 1)`` floating point.

    Returns:
        ``(H, W)`` float32.

    Raises:
        ValueRangeError: If a value is negative, not finite or above
            ``MAX_DEPTH_M``.
        ValueError: If the array is of another kind.
    """
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[..., 0]
    check_map(stored, 'metres', 'f')
    low, high = stored.min(initial=0), stored.max(initial=0)
    # A NaN makes both NaN, and every comparison with it false.
    if not (low >= 0 and high <= MAX_DEPTH_M):
        found = (
            f'{low:g} to {high:g}'
            if np.isfinite([low, high]).all()
            else 'NaN or infinity'
        )
        raise ValueRangeError(
            f'holds {found}: write metres, at most {MAX_DEPTH_M:g}, and 0 '
            'where the depth is unknown'
        )
    return np.ascontiguousarray(stored, np.float32)


def decode_normals(stored: np.ndarray) -> np.ndarray:
    """From bytes to vectors of our frame, 1 - 2 v / 255: not normalised.

    Convention:
        Stored are x left, y up, z towards the camera
        (:mod:`mmmtl.datasets.archive_normals`), and all three change sign.
        The grey (128, 128, 128) is "no label" and becomes (0, 0, 0);
        ``tools/dataset_converters/nyud.py`` writes it. The released code
        counts such pixels, see
        :func:`mmmtl.datasets.archive_normals.vectors_of_bytes`.

    Args:
        stored: ``(H, W, 3)`` uint8 in RGB order.

    Returns:
        ``(H, W, 3)`` float32.

    Raises:
        ValueError: If it is another kind of array.
    """
    return swap_frame(vectors_of_bytes(stored))


def decode_edge(stored: np.ndarray) -> np.ndarray:
    """From 0 and 255 to 0 and 1.

    Convention:
        A grey value counts as boundary from 128 on, i.e. from half of white.
        A picture that is not black but darker than that throughout was
        written in other values (0 and 1, say) and is refused.

    Args:
        stored: ``(H, W)`` uint8.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: If it is another kind of array, or holds no 0 and 255.
    """
    check_map(stored, '0 and 255', 'u')
    if stored.dtype != np.uint8 or 0 < stored.max(initial=0) < 128:
        raise ValueError(
            f'is {stored.dtype} with {stored.max(initial=0)} as its largest '
            'value: write 255 where there is a boundary and 0 elsewhere, as '
            'uint8'
        )
    return (stored >= 128).view(np.uint8)


@DATASETS.register_module()
class NYUDv2Dataset(BaseMultiTaskDataset):
    """NYUDv2, or any folder in its layout (see the module).

    For other classes give ``metainfo=dict(classes=..., palette=...)``; they
    are stored as 1, 2, ... with 0 for unlabelled.
    """

    METAINFO = dict(dataset_name='nyudv2', classes=CLASSES, palette=PALETTE)
    IMAGE = 'images/{}.png'
    LABEL_FILES = {
        'semseg': LabelFile('segmentation/{}.png', decode_semseg, first_id=1),
        'depth': LabelFile('depth/{}.npy', decode_depth),
        'normals': LabelFile('normals/{}.png', decode_normals),
        'edge': LabelFile('edge/{}.png', decode_edge),
    }
    HINT = (
        'the layout is images/, segmentation/, normals/, edge/<id>.png, '
        'depth/<id>.npy and gt_sets/{train,val}.txt; '
        '`python tools/dataset_converters/rooms.py OUT --layout nyud` writes '
        'a rendered one'
    )

    def split_file(self, split: str) -> str:
        """See the base class."""
        return f'gt_sets/{split}.txt'
