"""Cityscapes' class table on a real frame."""

from __future__ import annotations

import numpy as np

from mmmtl.datasets import CityscapesMTDataset
from mmmtl.datasets.label_file import LabelFile, load_label
from mmmtl.io.arrays import read_array
from tests.test_datasets.real_data import real_folder


def semseg_file(num_classes: int) -> LabelFile:
    dataset = CityscapesMTDataset(
        'unused',
        split='val',
        tasks=None,
        pipeline=[],
        num_classes=num_classes,
        lazy_init=True,
    )
    return dataset.label_files['semseg']


def test_classes_are_those_of_the_published_map() -> None:
    """The two maps were made smaller apart: edges differ, areas do not."""
    folder = real_folder('cityscapes')
    start = 'frankfurt_000000_000294_gtFine'
    wanted = read_array(folder / f'{start}_labelTrainIds.png')
    path = folder / f'{start}_labelIds.png'
    found = load_label('semseg', path, semseg_file(19), wanted.shape, 19)
    assert (found == wanted).mean() > 0.997
    stored = read_array(path)
    for label in np.unique(stored):
        there = wanted[stored == label]
        usual = np.bincount(there).argmax()
        assert (found[stored == label] == usual).all()
    groups = load_label(
        'semseg',
        path,
        semseg_file(7),
        wanted.shape,
        7,
    )
    # Road and pavement are flat, cars are vehicles.
    np.testing.assert_array_equal(groups[found <= 1], 0)
    np.testing.assert_array_equal(groups[found == 13], 6)
