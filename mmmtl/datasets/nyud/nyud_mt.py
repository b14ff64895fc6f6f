"""NYU Depth v2 in the layout of the MTI-Net code (the archive NYUD_MT).

The same 795 + 654 views as :mod:`mmmtl.datasets.nyud.dataset`, other files::

    images/<id>.jpg         RGB, 425x560
    segmentation/<id>.png   0 unlabelled, 1..40 the classes
    normals/<id>.npy        float, (H, W, 3) unit vectors; x left, y up,
                            z towards the camera; 0 0 0 none
    depth/<id>.npy          float, metres, 0 unknown
    edge/<id>.npy           float, 0 or 1
    gt_sets/train.txt, gt_sets/val.txt   one id of four digits per line
"""

from __future__ import annotations

import numpy as np

from mmmtl.datasets.archive_normals import swap_frame
from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.nyud.classes import CLASSES, PALETTE
from mmmtl.datasets.nyud.dataset import decode_depth, decode_semseg
from mmmtl.errors import ValueRangeError
from mmmtl.registry import DATASETS

# Room for rounding above 1, the largest component of a unit vector.
_LARGEST_COMPONENT = 1.01


def decode_float_normals(stored: np.ndarray) -> np.ndarray:
    """Turn vectors into our frame; (0, 0, 0) is "no label".

    Convention:
        Stored are x left, y up, z towards the camera
        (:mod:`mmmtl.datasets.archive_normals`), and all three change sign.
        They are not normalised.

    Args:
        stored: ``(H, W, 3)`` floating point.

    Returns:
        ``(H, W, 3)`` float32.

    Raises:
        ValueRangeError: If a component is not finite or beyond -1..1.
        ValueError: If it is another kind of array.
    """
    if (
        stored.ndim != 3
        or stored.shape[2] != 3
        or not np.issubdtype(stored.dtype, np.floating)
    ):
        raise ValueError(
            f'is {stored.dtype} {stored.shape}: write (H, W, 3) floating '
            'point unit vectors'
        )
    largest = np.abs(stored).max(initial=0)
    # Comparisons with NaN are false.
    if not largest <= _LARGEST_COMPONENT:
        raise ValueRangeError(
            f'holds {largest:g} as its largest component: write unit '
            'vectors, and (0, 0, 0) where there is no normal'
        )
    return swap_frame(np.ascontiguousarray(stored, np.float32))


def decode_float_edge(stored: np.ndarray) -> np.ndarray:
    """From 0..1 to 0 and 1; from 0.5 on it is a boundary.

    Args:
        stored: ``(H, W)`` or ``(H, W, 1)``, numbers or booleans.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueRangeError: If a value is not finite or beyond 0..1.
        ValueError: If it is another kind of array.
    """
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[..., 0]
    if stored.ndim != 2 or stored.dtype.kind not in 'fbiu':
        raise ValueError(
            f'is {stored.dtype} {stored.shape}: write (H, W) numbers, 0 and 1'
        )
    low, high = stored.min(initial=0), stored.max(initial=0)
    if not (low >= 0 and high <= 1):
        raise ValueRangeError(
            f'holds {low:g} to {high:g}: write 1 where there is a boundary '
            'and 0 elsewhere'
        )
    return (stored >= 0.5).view(np.uint8)


@DATASETS.register_module()
class NYUDMTDataset(BaseMultiTaskDataset):
    """NYUD_MT, or any folder in its layout (see the module).

    For other classes give ``metainfo=dict(classes=..., palette=...)``; they
    are stored as 1, 2, ... with 0 for unlabelled.
    """

    METAINFO = dict(dataset_name='nyudv2', classes=CLASSES, palette=PALETTE)
    IMAGE = 'images/{}.jpg'
    LABEL_FILES = {
        'semseg': LabelFile('segmentation/{}.png', decode_semseg, first_id=1),
        'depth': LabelFile('depth/{}.npy', decode_depth),
        'normals': LabelFile('normals/{}.npy', decode_float_normals),
        'edge': LabelFile('edge/{}.npy', decode_float_edge),
    }
    HINT = (
        'the layout is images/<id>.jpg, segmentation/<id>.png, '
        'normals/, depth/, edge/<id>.npy and gt_sets/{train,val}.txt; '
        'NYUDv2Dataset reads the one with .png normals and edges'
    )

    def split_file(self, split: str) -> str:
        """See the base class."""
        return f'gt_sets/{split}.txt'
