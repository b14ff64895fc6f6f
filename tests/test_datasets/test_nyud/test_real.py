"""NYUDv2's layout on real frames with thirteen classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets import NYUDv2Dataset
from mmmtl.datasets.nyud.encodings import decode_semseg
from mmmtl.errors import DatasetError
from mmmtl.io.arrays import read_array
from tests.test_datasets.real_data import real_folder

CLASSES = (
    *('bed', 'books', 'ceiling', 'chair', 'floor', 'furniture', 'objects'),
    *('picture', 'sofa', 'table', 'television', 'wall', 'window'),
)
IDS = ('0001', '0046', '0284', '0300', '0388', '0433')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Put the frames into the layout."""
    real = real_folder('nyuv2/semseg13')
    for name in ('images', 'segmentation', 'gt_sets'):
        (tmp_path / name).mkdir()
    for sample_id in IDS:
        (path,) = (real / 'rgb').glob(f'{sample_id}.*')
        with Image.open(path) as picture:
            picture.save(tmp_path / f'images/{sample_id}.png')
        label = (real / f'label13/{sample_id}.png').read_bytes()
        (tmp_path / f'segmentation/{sample_id}.png').write_bytes(label)
    (tmp_path / 'gt_sets/val.txt').write_text('\n'.join(IDS))
    return tmp_path


def make(folder: Path, classes: tuple[str, ...]) -> NYUDv2Dataset:
    colours = [(20 * i, 0, 0) for i in range(len(classes))]
    return NYUDv2Dataset(
        folder,
        split='val',
        tasks=['semseg'],
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
            dict(type='PackMultiTaskInputs'),
        ],
        metainfo=dict(classes=classes, palette=colours),
    )


def test_thirteen_classes(folder: Path) -> None:
    dataset = make(folder, CLASSES)
    assert dataset.class_counts() == {'semseg': 13}
    seen = set()
    for sample_id, packed in zip(IDS, dataset, strict=True):
        assert packed['inputs'].shape == (3, 480, 640)
        found = packed['data_samples'].get_gt('semseg')[0].numpy()
        stored = read_array(folder / f'segmentation/{sample_id}.png')
        np.testing.assert_array_equal(found, decode_semseg(stored))
        np.testing.assert_array_equal(found == 255, stored == 0)
        known = found != 255
        np.testing.assert_array_equal(found[known] + 1, stored[known])
        seen |= {CLASSES[i] for i in np.unique(found[known])}
    # None of the six shows a bed, a sofa or a television.
    assert seen == set(CLASSES) - {'bed', 'sofa', 'television'}


def test_floors_are_at_the_bottom(folder: Path) -> None:
    """The order of the names is the one that the files are stored in."""
    rows = {name: [] for name in ('ceiling', 'wall', 'floor')}
    for packed in make(folder, CLASSES):
        label = packed['data_samples'].get_gt('semseg')[0].numpy()
        for name, found in rows.items():
            found.append(np.nonzero(label == CLASSES.index(name))[0])
    mean = {name: np.concatenate(r).mean() for name, r in rows.items()}
    assert mean['ceiling'] < mean['wall'] < mean['floor']


def test_a_class_without_a_name_is_refused(folder: Path) -> None:
    dataset = make(folder, CLASSES[:12])
    with pytest.raises(DatasetError, match=r'holds 13, but the 12 classes'):
        list(dataset)
