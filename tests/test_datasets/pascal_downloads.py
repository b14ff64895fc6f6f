"""Writes what PASCAL-Context's converter starts from."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from tests.test_datasets.pascal_folder import SIZE, TRAIN, VAL, write_pascal

#: What VOC2012's class map of the first training image holds throughout.
VOC_CLASS = 3


def write_downloads(root: Path) -> dict[str, Path]:
    """Write small downloads, with normals and saliency in an archive.

    Args:
        root: Where to write them.

    Returns:
        Folder by argument of the converter.
    """
    archive = write_pascal(root / 'archive')
    voc2010, voc2012 = root / 'VOC2010', root / 'VOC2012'
    (voc2010 / 'ImageSets').mkdir(parents=True)
    (archive / 'ImageSets/Context').rename(voc2010 / 'ImageSets/Main')
    (archive / 'JPEGImages').rename(voc2010 / 'JPEGImages')
    (archive / 'pascal-context/trainval').rename(root / 'trainval')
    (archive / 'human_parts').rename(root / 'Annotations_Part')
    for name in ('semseg', 'ImageSets', 'pascal-context'):
        shutil.rmtree(archive / name)
    (voc2012 / 'SegmentationClass').mkdir(parents=True)
    # One of ours, and one of an image that is not.
    for sample_id in (TRAIN[0], '2011_000001'):
        picture = Image.fromarray(np.full(SIZE, VOC_CLASS, np.uint8))
        picture.save(voc2012 / f'SegmentationClass/{sample_id}.png')
    assert len(list((root / 'trainval').iterdir())) == len(TRAIN) + len(VAL)
    return {
        'voc2010': voc2010,
        'voc2012': voc2012,
        'context': root / 'trainval',
        'parts': root / 'Annotations_Part',
        'distilled': archive,
    }
