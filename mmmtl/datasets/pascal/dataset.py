"""PASCAL-Context with five tasks, as the multi-task literature uses it.

Layout (the archives PASCALContext of the ATRC paper and PASCAL_MT of MTI-Net
are this same tree; in ``tools/dataset_converters``, ``pascal_context.py``
builds it and ``rooms.py --layout pascal_context`` renders one)::

    JPEGImages/<id>.jpg                 RGB, at most 500x500
    semseg/VOC12/<id>.png               0..20 VOC's classes, 255 unlabelled
    semseg/pascal-context/<id>.png      the same, where VOC12 has no file
    human_parts/<id>.mat                PASCAL-Part's annotation
    normals_distill/<id>.png            RGB, unit vector = 2 v / 255 - 1; x
                                        left, y up, z towards the camera
    sal_distill/<id>.png                grey, salient above half of white
    pascal-context/trainval/<id>.mat    LabelMap, ids 0..459
    ImageSets/Context/{train,val}.txt   one id per line, 4998 and 5105

Departs from the released loaders: nothing is written into the folder. They
keep lists of the classes in each image in ``ImageSets/Parts``, to leave out
images without people; that filter never took effect, and here
``IgnoreEmptyHumanParts`` looks at the map itself.
"""

from __future__ import annotations

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.pascal.classes import (
    CLASSES,
    HUMAN_PARTS_CLASSES,
    HUMAN_PARTS_PALETTE,
    PALETTE,
)
from mmmtl.datasets.pascal.labels import (
    LABEL_MAP,
    decode_distilled_normals,
    decode_edge,
    decode_saliency,
    decode_semseg,
    read_label_map,
    read_normals,
)
from mmmtl.datasets.pascal.parts import (
    JPEG,
    decode_human_parts,
    read_annotation,
)
from mmmtl.registry import DATASETS


@DATASETS.register_module()
class PascalContextMTDataset(BaseMultiTaskDataset):
    """PASCAL-Context, or any folder in its layout (see the module).

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
    IMAGE = JPEG
    LABEL_FILES = {
        'semseg': LabelFile(
            'semseg/VOC12/{}.png',
            decode_semseg,
            fallback='semseg/pascal-context/{}.png',
        ),
        'human_parts': LabelFile(
            'human_parts/{}.mat', decode_human_parts, read=read_annotation
        ),
        'saliency': LabelFile('sal_distill/{}.png', decode_saliency),
        'normals': LabelFile(
            'normals_distill/{}.png',
            decode_distilled_normals,
            read=read_normals,
            also=(LABEL_MAP,),
        ),
        'edge': LabelFile(LABEL_MAP, decode_edge, read=read_label_map),
    }
    HINT = (
        'the layout is JPEGImages/<id>.jpg, semseg/VOC12/ or '
        'semseg/pascal-context/<id>.png, human_parts/<id>.mat, '
        'normals_distill/, sal_distill/<id>.png, '
        'pascal-context/trainval/<id>.mat and ImageSets/Context/'
        '{train,val}.txt; `python tools/dataset_converters/rooms.py OUT '
        '--layout pascal_context` writes a rendered one'
    )

    def split_file(self, split: str) -> str:
        """See the base class."""
        return f'ImageSets/Context/{split}.txt'
