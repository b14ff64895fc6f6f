"""Everything to one size, and predictions back to the original one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmmtl.datasets.transforms import (
    MultiTaskCenteredPad,
    MultiTaskResize,
    PackMultiTaskInputs,
)
from mmmtl.datasets.transforms.scale import resize_label
from mmmtl.models.postprocess import undo_augmentation
from mmmtl.rooms import render_room


def test_labels_are_taken_at_the_pixels_centres() -> None:
    """Three times the size: every pixel becomes 3x3."""
    label = np.arange(12, dtype=np.uint8).reshape(3, 4)
    found = resize_label(label, (9, 12))
    np.testing.assert_array_equal(found, label.repeat(3, 0).repeat(3, 1))
    # A third: the middle of each 3x3, which a corner rule would miss.
    large = np.arange(81, dtype=np.float32).reshape(9, 9)
    np.testing.assert_array_equal(
        resize_label(large, (3, 3)), large[1::3, 1::3]
    )


def test_a_small_room_is_the_large_one_resized() -> None:
    """Two renderings of one scene; depth keeps its metres."""
    small, large = render_room(5, 60, 80), render_room(5, 180, 240)
    tasks = ('semseg', 'depth', 'normals', 'saliency')
    labels = {task: getattr(large, task) for task in tasks}
    found = MultiTaskResize(size=(60, 80))(
        dict(img=large.image.copy(), labels=labels)
    )
    assert found['img_shape'] == (60, 80)
    assert 'zoom' not in found
    for task in ('semseg', 'saliency'):
        np.testing.assert_array_equal(
            found['labels'][task], getattr(small, task)
        )
    np.testing.assert_allclose(found['labels']['depth'], small.depth, 1e-4)
    np.testing.assert_allclose(
        found['labels']['normals'], small.normals, atol=1e-3
    )


def test_labels_without_a_value_stay_so() -> None:
    heat = np.full((8, 8), np.nan, np.float32)
    heat[:, 4:] = 0.5
    normals = np.zeros((8, 8, 3), np.float32)
    normals[:, 4:] = (0, 0, -1)
    found = MultiTaskResize(size=(12, 20))(
        dict(
            img=np.zeros((8, 8, 3), np.uint8),
            labels=dict(reshading=heat, normals=normals),
        )
    )['labels']
    assert np.isnan(found['reshading'][:, :10]).all()
    assert (found['reshading'][:, 10:] == 0.5).all()
    # No mean of a vector and of none.
    assert set(found['normals'][..., 2].ravel()) == {0.0, -1.0}


def test_an_image_of_this_size_stays() -> None:
    image = np.random.randint(256, size=(6, 7, 3), dtype=np.uint8)
    found = MultiTaskResize(size=(6, 7))(dict(img=image))
    assert found['img'] is image


def test_predictions_go_back_to_the_original_size() -> None:
    """Labels are loaded after the resizing in testing: they keep theirs."""
    image = np.zeros((30, 44, 3), np.uint8)
    results = dict(img=image, img_shape=(30, 44), ori_shape=(30, 44))
    results = MultiTaskResize(size=(64, 96))(results)
    packed = PackMultiTaskInputs()(results)
    assert packed['inputs'].shape == (3, 64, 96)
    depth = torch.full((1, 64, 96), 2.5)
    metainfo = packed['data_samples'].metainfo
    back = undo_augmentation('depth', depth, metainfo)
    assert back.shape == (1, 30, 44)
    assert torch.allclose(back, torch.tensor(2.5))


def test_after_padding_it_is_refused() -> None:
    padded = MultiTaskCenteredPad(size=(9, 9))(
        dict(img=np.zeros((4, 4, 3), np.uint8))
    )
    with pytest.raises(ValueError, match='pad last'):
        MultiTaskResize(size=(5, 5))(padded)
