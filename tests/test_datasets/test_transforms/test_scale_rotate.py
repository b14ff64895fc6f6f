"""One warp for scale and rotation: aligned labels, units, conventions."""

from __future__ import annotations

import numpy as np
import pytest

from mmmtl.datasets.transforms import MultiTaskRandomScaleRotate
from mmmtl.datasets.transforms.rotate import rotate_label
from mmmtl.rooms import render_room
from mmmtl.tasks import get_task

TASKS = ('semseg', 'depth', 'normals', 'edge', 'saliency')


def room() -> dict:
    """Return a rendered room of 97x129 pixels: it has a middle pixel."""
    sample = render_room(3, 97, 129)
    labels = {task: getattr(sample, task).copy() for task in TASKS}
    return dict(img=sample.image.copy(), labels=labels)


def warp(scale: float, degrees: float, results: dict | None = None) -> dict:
    transform = MultiTaskRandomScaleRotate(scales=[1.0], fill=(0, 0, 0))
    return transform.apply(results or room(), scale, degrees)


def test_scale_one_and_angle_zero_change_nothing() -> None:
    start, found = room(), warp(1.0, 0.0)
    np.testing.assert_array_equal(found['img'], start['img'])
    for task, label in start['labels'].items():
        np.testing.assert_array_equal(found['labels'][task], label)
    assert found['zoom'] == 1.0


def test_a_full_turn_changes_nothing() -> None:
    """The warp itself is the identity too, not only its short cut."""
    start, found = room(), warp(1.0, 360.0)
    np.testing.assert_array_equal(found['img'], start['img'])
    for task, label in start['labels'].items():
        np.testing.assert_allclose(found['labels'][task], label, atol=1e-6)


def test_enlarging_keeps_the_middle_and_spreads_the_pixels() -> None:
    """At scale 3 the pixel k beside the middle lands 3 k beside it."""
    start, found = room()['labels'], warp(3.0, 0.0)['labels']
    middle = (slice(48 - 15, 48 + 16), slice(64 - 20, 64 + 21))
    spread = (slice(48 - 45, 48 + 46, 3), slice(64 - 60, 64 + 61, 3))
    for task in ('semseg', 'edge', 'saliency', 'normals'):
        np.testing.assert_array_equal(found[task][spread], start[task][middle])
    # Three times as large is three times as near.
    np.testing.assert_allclose(
        found['depth'][spread], start['depth'][middle] / 3, rtol=1e-6
    )


def test_shrinking_leaves_a_border_without_labels() -> None:
    found = warp(0.5, 0.0)
    assert found['zoom'] == 0.5
    border = np.ones((97, 129), bool)
    border[24:73, 32:97] = False  # 97 / 2 rows, 129 / 2 columns inside
    labels = found['labels']
    for task in ('semseg', 'edge', 'saliency'):
        assert (labels[task][border] == 255).all(), task
        assert (labels[task][~border] != 255).all(), task
    assert (labels['depth'][border] == 0).all()
    assert (labels['normals'][border] == 0).all()
    assert (found['img'][:20] == 0).all()
    np.testing.assert_allclose(
        labels['depth'][48, 64], room()['labels']['depth'][48, 64] * 2
    )


def test_convention_positive_angles_turn_counter_clockwise() -> None:
    """A mark at the right moves up: to smaller rows, as y points down."""
    label = np.zeros((41, 41), np.uint8)
    label[20, 35] = 7
    for degrees, place in ((90, (5, 20)), (180, (20, 5)), (-90, (35, 20))):
        turned = rotate_label(label, get_task('semseg').kind, degrees)
        assert turned[place] == 7
        assert (turned == 7).sum() == 1


@pytest.mark.parametrize('degrees', [-20.0, 7.5, 90.0])
@pytest.mark.parametrize('scale', [0.75, 1.0, 1.5])
def test_convention_a_plane_turns_with_the_picture(
    scale: float, degrees: float
) -> None:
    """Depth growing to the right: its normal points left, and turns along.

    On a plane z = z0 + g * x the picture's depth gradient and the (x, y) of
    the normal are antiparallel; both turn by the same angle. On the screen
    y points down, so counter-clockwise is from (1, 0) to (cos, -sin).
    """
    x = np.arange(-60, 61, dtype=np.float32)
    depth = np.broadcast_to(5 + 0.02 * x, (121, 121)).copy()
    normal = np.float32([-0.6, 0, -0.8])
    labels = dict(depth=depth, normals=np.tile(normal, (121, 121, 1)))
    results = dict(img=np.zeros((121, 121, 3), np.uint8), labels=labels)
    found = warp(scale, degrees, results)['labels']
    angle = np.deg2rad(degrees)
    want = [-0.6 * np.cos(angle), 0.6 * np.sin(angle), -0.8]
    inner = (slice(40, 81), slice(40, 81))
    np.testing.assert_allclose(
        found['normals'][inner],
        np.broadcast_to(want, (41, 41, 3)),
        atol=1e-6,
    )
    y, x = np.mgrid[40:81, 40:81]
    equations = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], 1)
    gradient = np.linalg.lstsq(
        equations, found['depth'][inner].ravel(), rcond=None
    )[0][:2]
    # Slopes per pixel: one 1 / scale from the size, one from the depth.
    np.testing.assert_allclose(
        gradient * scale**2 / 0.02,
        [np.cos(angle), -np.sin(angle)],
        atol=0.02,
    )


@pytest.mark.parametrize(('scale', 'degrees'), [(1.2, 0), (1.5, 11), (1, -20)])
def test_labels_stay_on_the_picture_of_a_room(
    scale: float, degrees: float
) -> None:
    """The picture changes most where the depth jumps, and not beside it."""
    # 4x as many pixels, so that one step beside an edge counts.
    sample = render_room(3, 194, 258)
    results = dict(img=sample.image, labels=dict(depth=sample.depth))
    found = warp(scale, degrees, results)
    grey = found['img'].astype(np.float32).mean(-1)
    depth = np.where(found['labels']['depth'] > 0, found['labels']['depth'], 0)
    jump = (np.abs(np.diff(depth, axis=1)) > 0.25) & (
        np.minimum(depth[:, 1:], depth[:, :-1]) > 0
    )
    jump[:, :12] = jump[:, -12:] = False
    change = np.abs(np.diff(grey, axis=1))
    score = {
        shift: change[np.roll(jump, shift, axis=1)].mean()
        for shift in (-3, -2, 0, 2, 3)
    }
    assert jump.sum() > 100
    assert score[0] > 1.5 * max(score[s] for s in score if s)


def test_draws_scale_and_angle() -> None:
    transform = MultiTaskRandomScaleRotate(
        ratio_range=(0.75, 1.25), degrees=20
    )
    np.random.seed(0)
    drawn = [transform.draw() for _ in range(400)]
    scales, angles = np.array(drawn).T
    assert 0.75 <= scales.min() < 0.77 < 1.23 < scales.max() <= 1.25
    assert -20 <= angles.min() < -18 < 18 < angles.max() <= 20
    listed = MultiTaskRandomScaleRotate(scales=[1.0, 1.2, 1.5])
    drawn = {listed.draw() for _ in range(60)}
    assert drawn == {(1.0, 0.0), (1.2, 0.0), (1.5, 0.0)}


def test_transform_uses_the_draw() -> None:
    transform = MultiTaskRandomScaleRotate(scales=[2.0], degrees=(5, 5))
    found = transform(room())
    want = warp(2.0, 5.0)
    for task, label in want['labels'].items():
        np.testing.assert_array_equal(found['labels'][task], label)


def test_bright_edges_do_not_wrap_around() -> None:
    """Cubic interpolation overshoots beside an edge of black and white."""
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 20:] = 255
    found = warp(1.37, 0.0, dict(img=image))['img']
    # Values rise monotonically up to the small ringing, which is cut off.
    assert (found[:, :10] == 0).all()
    assert (found[:, 30:] == 255).all()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(), 'give one of them'),
        (dict(scales=[1.0], ratio_range=(1, 2)), 'give one of them'),
    ],
)
def test_wrong_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskRandomScaleRotate(**settings)


def test_after_padding_it_is_refused() -> None:
    results = dict(room(), padding_size=(1, 0, 0, 0))
    with pytest.raises(ValueError, match='pad last'):
        warp(1.2, 0.0, results)
