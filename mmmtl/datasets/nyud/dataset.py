"""NYU Depth v2 as the multi-task literature uses it: 795 + 654 views.

There is a data set for each of the two layouts in which it is published; see
:mod:`mmmtl.datasets.nyud.encodings`.
"""

from __future__ import annotations

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.nyud import encodings
from mmmtl.datasets.nyud.classes import CLASSES, PALETTE
from mmmtl.datasets.stored_normals import ARCHIVE_AXES
from mmmtl.registry import DATASETS


@DATASETS.register_module()
class NYUDv2Dataset(BaseMultiTaskDataset):
    """NYUDv2 in pictures, the archive of ATRC, or any folder like it.

    For other classes give ``metainfo=dict(classes=..., palette=...)``; they
    are stored as 1, 2, ... with 0 for unlabelled.
    """

    METAINFO = dict(dataset_name='nyudv2', classes=CLASSES, palette=PALETTE)
    HINT = (
        'the layout is images/, segmentation/, normals/, edge/<id>.png, '
        'depth/<id>.npy and gt_sets/{train,val}.txt; '
        '`python tools/dataset_converters/rooms.py OUT --layout nyud` writes '
        'a rendered one'
    )

    def image_pattern(self) -> str:
        """See the base class."""
        return 'images/{}.png'

    def label_table(self) -> dict[str, LabelFile]:
        """See the base class."""
        return {
            'semseg': LabelFile(
                'segmentation/{}.png', encodings.decode_semseg, first_id=1
            ),
            'depth': LabelFile('depth/{}.npy', encodings.decode_depth),
            'normals': LabelFile(
                'normals/{}.png', encodings.decode_normals, axes=ARCHIVE_AXES
            ),
            'edge': LabelFile('edge/{}.png', encodings.decode_edge),
        }

    def split_file(self, split: str) -> str:
        """See the base class."""
        return f'gt_sets/{split}.txt'


@DATASETS.register_module()
class NYUDMTDataset(BaseMultiTaskDataset):
    """NYUDv2 in arrays, the archive NYUD_MT of MTI-Net, or any like it.

    For other classes give ``metainfo=dict(classes=..., palette=...)``; they
    are stored as 1, 2, ... with 0 for unlabelled.
    """

    METAINFO = dict(dataset_name='nyudv2', classes=CLASSES, palette=PALETTE)
    HINT = (
        'the layout is images/<id>.jpg, segmentation/<id>.png, '
        'normals/, depth/, edge/<id>.npy and gt_sets/{train,val}.txt; '
        'NYUDv2Dataset reads the one with .png normals and edges'
    )

    def image_pattern(self) -> str:
        """See the base class."""
        return 'images/{}.jpg'

    def label_table(self) -> dict[str, LabelFile]:
        """See the base class."""
        return {
            'semseg': LabelFile(
                'segmentation/{}.png', encodings.decode_semseg, first_id=1
            ),
            'depth': LabelFile('depth/{}.npy', encodings.decode_depth),
            'normals': LabelFile(
                'normals/{}.npy',
                encodings.decode_float_normals,
                axes=ARCHIVE_AXES,
            ),
            'edge': LabelFile('edge/{}.npy', encodings.decode_float_edge),
        }

    def split_file(self, split: str) -> str:
        """See the base class."""
        return f'gt_sets/{split}.txt'
