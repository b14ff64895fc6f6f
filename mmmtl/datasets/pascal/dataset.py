"""PASCAL-Context with five tasks, as the multi-task literature uses it.

Where its files lie and how they are encoded is in
:mod:`mmmtl.datasets.pascal.encodings`.

Departs from the released loaders: nothing is written into the folder. They
keep lists of the classes in each image in ``ImageSets/Parts``, to leave out
images without people; that filter never took effect, and here
``IgnoreEmptyHumanParts`` looks at the map itself.
"""

from __future__ import annotations

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.pascal import encodings
from mmmtl.datasets.pascal.classes import (
    CLASSES,
    HUMAN_PARTS_CLASSES,
    HUMAN_PARTS_PALETTE,
    PALETTE,
)
from mmmtl.datasets.stored_normals import ARCHIVE_AXES
from mmmtl.registry import DATASETS

LABEL_FILES = {
    'semseg': LabelFile(
        encodings.SEMSEG_OF_VOC,
        encodings.decode_semseg,
        fallback=encodings.SEMSEG_OF_CONTEXT,
    ),
    'human_parts': LabelFile(
        encodings.PARTS,
        encodings.decode_human_parts,
        read=encodings.read_annotation,
    ),
    'saliency': LabelFile(encodings.SALIENCY, encodings.decode_saliency),
    'normals': LabelFile(
        encodings.NORMALS,
        encodings.decode_distilled_normals,
        read=encodings.read_normals,
        also=(encodings.LABEL_MAP,),
        axes=ARCHIVE_AXES,
    ),
    'edge': LabelFile(
        encodings.LABEL_MAP,
        encodings.decode_edge,
        read=encodings.read_label_map,
    ),
}


@DATASETS.register_module()
class PascalContextMTDataset(BaseMultiTaskDataset):
    """PASCAL-Context, or any folder in its layout.

    Semantic classes are VOC's; edges are boundaries between the 459 classes
    of PASCAL-Context.
    """

    METAINFO = dict(
        dataset_name='pascal_context',
        classes=CLASSES,
        palette=PALETTE,
        human_parts_classes=HUMAN_PARTS_CLASSES,
        human_parts_palette=HUMAN_PARTS_PALETTE,
    )
    HINT = (
        'the layout is JPEGImages/<id>.jpg, semseg/VOC12/ or '
        'semseg/pascal-context/<id>.png, human_parts/<id>.mat, '
        'normals_distill/, sal_distill/<id>.png, '
        'pascal-context/trainval/<id>.mat and ImageSets/Context/'
        '{train,val}.txt; `python tools/dataset_converters/rooms.py OUT '
        '--layout pascal_context` writes a rendered one'
    )

    def image_pattern(self) -> str:
        """See the base class."""
        return encodings.IMAGE

    def label_table(self) -> dict[str, LabelFile]:
        """See the base class."""
        return dict(LABEL_FILES)

    def most_of_one_value(self, task: str) -> float:
        """See the base class; most images show nobody."""
        often_absent = task in ('human_parts', 'saliency')
        return 1.0 if often_absent else super().most_of_one_value(task)

    def split_file(self, split: str) -> str:
        """See the base class."""
        return encodings.SPLIT.format(split)
