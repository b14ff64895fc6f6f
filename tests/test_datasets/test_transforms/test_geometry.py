"""Geometric transforms keep image and labels together, and their meaning."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mmmtl.datasets.transforms import (
    MultiTaskCenteredPad,
    MultiTaskRandomCrop,
    MultiTaskRandomFlip,
    MultiTaskRandomRotate,
    MultiTaskRandomScale,
)
from mmmtl.datasets.transforms.crop import largest_share
from mmmtl.datasets.transforms.rotate import rotate_label
from mmmtl.tasks import get_task

SIZE = (40, 56)


def blocks(block: int = 8) -> np.ndarray:
    """Return ``(H, W)`` uint8, a different number 1.. in every block."""
    rows, columns = (np.arange(n) // block for n in SIZE)
    return (rows[:, None] * 7 + columns + 1).astype(np.uint8)


def make_sample() -> dict:
    """Return a sample whose labels are functions of the image's blocks."""
    ids = blocks()
    labels = {
        'semseg': ids,
        'depth': ids.astype(np.float32),
        'edge': ids % 2,
        'saliency': ids % 2,
        'human_parts': ids % 7,
        'reshading': ids.astype(np.float32) / 64,
        'normals': np.stack([ids, ids * 2, ids * 3], -1).astype(np.float32),
    }
    return dict(img=np.repeat(ids[..., None], 3, -1), labels=labels)


def assert_aligned(results: dict, depth_factor: float = 1.0) -> None:
    """Check every label against the image, where there is a label."""
    ids = np.rint(results['img'][..., 0]).astype(np.uint8)
    labels = results['labels']
    inside = labels['semseg'] != 255
    assert inside.mean() > 0.3
    ids = ids[inside]
    np.testing.assert_array_equal(labels['semseg'][inside], ids)
    np.testing.assert_allclose(
        labels['depth'][inside] * depth_factor, ids, rtol=1e-6
    )
    np.testing.assert_array_equal(labels['edge'][inside], ids % 2)
    np.testing.assert_array_equal(labels['human_parts'][inside], ids % 7)
    np.testing.assert_array_equal(
        labels['reshading'][inside], ids.astype(np.float32) / 64
    )
    np.testing.assert_array_equal(
        labels['normals'][inside][:, 2], ids.astype(np.float32) * 3
    )
    outside = ~inside
    assert np.isnan(labels['reshading'][outside]).all()
    assert (labels['depth'][outside] == 0).all()
    assert (labels['normals'][outside] == 0).all()
    assert (labels['edge'][outside] == 255).all()


def test_scale_keeps_labels_on_the_image() -> None:
    results = MultiTaskRandomScale(scales=[2.0])(make_sample())
    assert results['img_shape'] == (80, 112)
    # Bilinear resizing mixes two blocks only at their common border.
    results['img'] = results['img'][2::16, 2::16]
    results['labels'] = {
        task: label[2::16, 2::16] for task, label in results['labels'].items()
    }
    assert_aligned(results, depth_factor=2.0)


def test_crop_and_pad_keep_labels_on_the_image() -> None:
    results = MultiTaskRandomCrop(crop_size=(24, 60))(make_sample())
    results = MultiTaskCenteredPad(size=(33, 60))(results)
    assert results['img'].shape == (33, 60, 3)
    # 24 rows into 33: 4 above, 5 below; 56 columns into 60: 2 and 2.
    assert results['padding_size'] == (2, 2, 4, 5)
    assert_aligned(results)
    assert (results['labels']['semseg'][:4] == 255).all()
    assert (results['labels']['semseg'][4, 2:-2] != 255).all()
    assert (results['img'][:4] == (104, 116, 124)).all()


@pytest.mark.parametrize('size', [(24, 60), (48, 50)])
def test_pad_without_size_reaches_that_of_the_crop(
    size: tuple[int, int],
) -> None:
    results = MultiTaskRandomCrop(crop_size=size)(make_sample())
    results = MultiTaskCenteredPad()(results)
    assert results['img'].shape == (*size, 3)
    assert results['labels']['semseg'].shape == size
    assert_aligned(results)


def test_rotation_keeps_labels_on_the_image() -> None:
    sample = make_sample()
    rotate = MultiTaskRandomRotate(degrees=30, prob=1, fill=(0, 0, 0))
    results = rotate.apply(sample, 17.0)
    # Where bilinear and nearest pixels agree lie the insides of the blocks.
    image = results['img'][..., 0]
    labels = results['labels']
    clear = image == labels['semseg']
    assert clear.mean() > 0.4
    ids = image[clear]
    np.testing.assert_array_equal(labels['depth'][clear], ids)
    np.testing.assert_array_equal(labels['human_parts'][clear], ids % 7)
    corner = {task: label[0, -1] for task, label in labels.items()}
    assert corner['semseg'] == corner['edge'] == corner['human_parts'] == 255
    assert corner['depth'] == 0
    assert (corner['normals'] == 0).all()
    assert math.isnan(corner['reshading'])
    assert sample['labels']['semseg'].dtype == np.uint8


def test_rotation_by_a_quarter_is_rot90() -> None:
    label = np.arange(25, dtype=np.uint8).reshape(5, 5)
    turned = rotate_label(label, get_task('semseg').kind, 90)
    np.testing.assert_array_equal(turned, np.rot90(label))  # both: leftwards


def sphere_normals(radius: int = 60) -> np.ndarray:
    """Return the normals of a ball in front of the camera, x right, y down.

    At (x, y) from its centre the normal is (x, y, -sqrt(r^2 - x^2 - y^2)) / r
    however the camera is turned about its axis.
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1] / radius
    z = -np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    normals = np.stack([x, y, z], -1).astype(np.float32)
    normals[x**2 + y**2 > 0.9] = 0
    return normals


@pytest.mark.parametrize('degrees', [-140, -20, 33, 90])
def test_convention_a_ball_stays_a_ball_under_rotation(degrees: int) -> None:
    ball = sphere_normals()
    turned = rotate_label(ball, get_task('normals').kind, degrees)
    both = (ball != 0).any(-1) & (turned != 0).any(-1)
    assert both.sum() > 0.95 * (ball != 0).any(-1).sum()
    # The nearest pixel is at most 0.71 pixels = 0.012 radii away; z changes
    # faster than that towards the rim.
    error = np.abs(turned - ball)[both]
    assert error[:, :2].max() < 0.02
    assert error[:, 2].max() < 0.06


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
def test_convention_a_ball_stays_a_ball_under_a_flip(direction: str) -> None:
    ball = sphere_normals()
    results = dict(img=np.zeros((*ball.shape[:2], 3), np.uint8))
    results['labels'] = {'normals': ball}
    flip = MultiTaskRandomFlip(prob=1, direction=direction)
    np.testing.assert_array_equal(flip(results)['labels']['normals'], ball)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
def test_two_flips_are_none(direction: str) -> None:
    flip = MultiTaskRandomFlip(prob=1, direction=direction)
    once = flip(make_sample())
    assert (once['flip'], once['flip_direction']) == (True, direction)
    assert not np.array_equal(once['labels']['semseg'], blocks())
    twice = flip(once)
    assert (twice['flip'], twice['flip_direction']) == (False, None)
    start = make_sample()
    np.testing.assert_array_equal(twice['img'], start['img'])
    for task, label in start['labels'].items():
        np.testing.assert_array_equal(twice['labels'][task], label)


def test_flip_negates_one_component_only() -> None:
    start = make_sample()['labels']['normals']
    found = MultiTaskRandomFlip(prob=1)(make_sample())['labels']['normals']
    np.testing.assert_array_equal(found, start[:, ::-1] * [-1, 1, 1])


def test_flip_after_padding_mirrors_the_padding() -> None:
    results = MultiTaskCenteredPad(size=(41, 61))(make_sample())
    assert results['padding_size'] == (2, 3, 0, 1)
    results = MultiTaskRandomFlip(prob=1)(results)
    assert results['padding_size'] == (3, 2, 0, 1)
    assert (results['labels']['semseg'][:40, 3:-2] != 255).all()


def test_flips_in_two_directions_are_refused() -> None:
    once = MultiTaskRandomFlip(prob=1)(make_sample())
    with pytest.raises(ValueError, match='two directions'):
        MultiTaskRandomFlip(prob=1, direction='vertical')(once)


@pytest.mark.parametrize(
    'later',
    [
        MultiTaskRandomScale(scales=[1.5]),
        MultiTaskRandomCrop(crop_size=(8, 8)),
        MultiTaskRandomRotate(degrees=10, prob=1),
        MultiTaskCenteredPad(size=(99, 99)),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_nothing_moves_the_image_after_padding(later: object) -> None:
    padded = MultiTaskCenteredPad(size=(64, 64))(make_sample())
    with pytest.raises(ValueError, match=r'pad last'):
        later(padded)


def test_scales_multiply() -> None:
    scale = MultiTaskRandomScale(ratio_range=(0.5, 2.0))
    results = scale.apply(scale.apply(make_sample(), 2.0), 1.5)
    assert results['zoom'] == 3.0
    assert results['labels']['depth'][0, 0] == pytest.approx(1 / 3)


def test_image_without_labels() -> None:
    sample = dict(img=make_sample()['img'])
    for transform in (
        MultiTaskRandomScale(scales=[0.5]),
        MultiTaskRandomCrop(crop_size=(16, 16), cat_max_ratio=0.75),
        MultiTaskRandomFlip(prob=1),
        MultiTaskCenteredPad(size=(20, 20)),
    ):
        sample = transform(sample)
    assert sample['img'].shape == (20, 20, 3)
    assert 'labels' not in sample


def test_crop_avoids_windows_of_one_class() -> None:
    label = np.ones(SIZE, np.uint8)
    label[:16, :16] = 2
    label[30:] = 255
    crop = MultiTaskRandomCrop(crop_size=(8, 8), cat_max_ratio=0.75)
    places = iter([(20, 20), (30, 0), (0, 0), (4, 13)])
    crop._draw_place = lambda shape: next(places)
    sample = dict(img=np.zeros((*SIZE, 3)), labels={'semseg': label})
    # All of class 1; nothing labelled; all of class 2; 5 of 8 columns of 1.
    assert crop.draw(sample) == (4, 13)


def test_crop_gives_up_after_ten_further_windows() -> None:
    crop = MultiTaskRandomCrop(crop_size=(8, 8), cat_max_ratio=0.75)
    places = iter((n, n) for n in range(20))
    crop._draw_place = lambda shape: next(places)
    sample = dict(
        img=np.zeros((*SIZE, 3)), labels={'semseg': np.ones(SIZE, np.uint8)}
    )
    assert crop.draw(sample) == (10, 10)  # the eleventh, untested


def test_largest_share() -> None:
    # 3 of 4 labelled pixels.
    assert largest_share(np.uint8([[1, 1, 1, 2, 255, 255]]), 255) == 0.75
    assert largest_share(np.uint8([[7, 7]]), 255) == 1
    assert largest_share(np.uint8([[255, 255]]), 255) == 1


def test_crop_reaches_every_place() -> None:
    crop = MultiTaskRandomCrop(crop_size=(SIZE[0] - 1, SIZE[1] - 2))
    sample = make_sample()
    found = {crop.draw(sample) for _ in range(200)}
    assert found == {(y, x) for y in (0, 1) for x in (0, 1, 2)}
