"""A crop in testing: its labels, and its predictions back in their place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmmtl.datasets.transforms import (
    IgnoreOutsideCrop,
    MultiTaskFixedCrop,
    MultiTaskRandomFlip,
    MultiTaskResize,
    PackMultiTaskInputs,
)
from mmmtl.datasets.transforms.crop import centred_box
from mmmtl.models.postprocess import undo_augmentation


def sample(height: int = 480, width: int = 640) -> dict:
    """Return an image whose pixels say their row and column."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows // 2, columns // 3, rows * 0], -1).astype(np.uint8)
    return dict(
        img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2]
    )


def test_the_box_of_mult_and_the_window_in_its_middle() -> None:
    """565x464 is left of 640x480, of which columns 50 to 513 are tested."""
    results = MultiTaskFixedCrop(box=(43, 8, 608, 472))(sample())
    assert results['img'].shape == (464, 565, 3)
    assert results['img'][0, 0].tolist() == [8 // 2, 43 // 3, 0]
    results = MultiTaskFixedCrop(size=(464, 464))(results)
    assert results['img_shape'] == (464, 464)
    assert results['crop_box'] == (93, 8, 557, 472)
    assert results['img'][0, 0].tolist() == [8 // 2, 93 // 3, 0]


def test_a_smaller_image_stays_whole() -> None:
    assert centred_box((10, 31), (20, 20)) == (5, 0, 25, 10)
    results = MultiTaskFixedCrop(size=(99, 99))(sample(10, 12))
    assert results['crop_box'] == (0, 0, 12, 10)


def test_labels_loaded_before_are_cut_too() -> None:
    results = sample(20, 30)
    label = np.arange(600, dtype=np.float32).reshape(20, 30)
    results['labels'] = dict(depth=label)
    found = MultiTaskFixedCrop(box=(3, 4, 13, 9))(results)
    np.testing.assert_array_equal(found['labels']['depth'], label[4:9, 3:13])


def test_labels_loaded_later_count_only_inside() -> None:
    results = MultiTaskFixedCrop(box=(3, 4, 13, 9))(sample(20, 30))
    normals = np.ones((20, 30, 3), np.float32)
    results['labels'] = dict(
        semseg=np.ones((20, 30), np.uint8),
        normals=normals,
        reshading=np.ones((20, 30), np.float32),
    )
    labels = IgnoreOutsideCrop()(results)['labels']
    inside = np.zeros((20, 30), bool)
    inside[4:9, 3:13] = True
    np.testing.assert_array_equal(labels['semseg'] == 1, inside)
    np.testing.assert_array_equal(labels['semseg'] == 255, ~inside)
    np.testing.assert_array_equal((labels['normals'] == 0).all(-1), ~inside)
    np.testing.assert_array_equal(np.isnan(labels['reshading']), ~inside)
    assert (normals == 1).all()  # the loaded array is left alone


@pytest.mark.parametrize('flip', [False, True])
def test_predictions_return_to_their_place(flip: bool) -> None:
    """A network that says its input's column, asked about the whole image."""
    results = MultiTaskFixedCrop(box=(3, 4, 13, 9))(sample(20, 30))
    results = MultiTaskRandomFlip(prob=float(flip))(results)
    metainfo = PackMultiTaskInputs()(results)['data_samples'].metainfo
    columns = torch.arange(10.0).expand(1, 5, 10)
    back = undo_augmentation('reshading', columns, metainfo)
    assert back.shape == (1, 20, 30)
    want = torch.arange(10.0).flip(0) if flip else torch.arange(10.0)
    assert back[0, 4:9, 3:13].tolist() == [want.tolist()] * 5
    # Outside, the border is continued: every pixel has a finite value.
    assert (back[0, :, :3] == want[0]).all()
    assert (back[0, :, 13:] == want[-1]).all()


def test_a_resized_crop_returns_too() -> None:
    results = MultiTaskFixedCrop(box=(3, 4, 13, 9))(sample(20, 30))
    results = MultiTaskResize(size=(10, 20))(results)
    metainfo = PackMultiTaskInputs()(results)['data_samples'].metainfo
    back = undo_augmentation('depth', torch.full((1, 10, 20), 3.0), metainfo)
    assert back.shape == (1, 20, 30)
    assert torch.allclose(back, torch.tensor(3.0))


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(), 'give one of'),
        (dict(box=(0, 0, 1, 1), size=(1, 1)), 'give one of'),
    ],
)
def test_wrong_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskFixedCrop(**settings)


@pytest.mark.parametrize(
    'box',
    [(43, 8, 608, 472), (5, 0, 5, 9), (0, 9, 5, 9), (-1, 0, 5, 9)],
    ids=['larger', 'no column', 'no row', 'outside'],
)
def test_an_image_without_the_box_is_refused(
    box: tuple[int, int, int, int],
) -> None:
    """The benchmarks' crop of NYUDv2 is smaller than MulT's box."""
    crop = MultiTaskFixedCrop(box=box)
    with pytest.raises(ValueError, match=r'does not lie .* 425x560'):
        crop(sample(425, 560))


@pytest.mark.parametrize(
    'before', [MultiTaskResize(size=(9, 9)), MultiTaskRandomFlip(prob=1)]
)
def test_the_place_is_one_of_the_original(before: object) -> None:
    with pytest.raises(ValueError, match='put it first'):
        MultiTaskFixedCrop(size=(4, 4))(before(sample(20, 30)))


def test_ignoring_needs_a_crop_and_labels_of_full_size() -> None:
    with pytest.raises(KeyError, match='crop_box'):
        IgnoreOutsideCrop()(sample(20, 30))
    results = sample(20, 30)
    results['labels'] = dict(depth=np.ones((20, 30), np.float32))
    results = MultiTaskFixedCrop(box=(3, 4, 13, 9))(results)
    with pytest.raises(ValueError, match='5x10, the image 20x30'):
        IgnoreOutsideCrop()(results)
