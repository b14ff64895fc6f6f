"""Normals from depth: planes and spheres, noise, holes, rooms, real views."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from mmmtl.geometry import (
    NYUD_COLOUR,
    Intrinsics,
    fit_planes,
    normals_from_depth,
    normals_of_planes,
)
from mmmtl.rooms.render import render_room
from mmmtl.rooms.sampling import sample_scene
from tests.test_datasets.real_data import real_data

CAMERA = Intrinsics(fx=110.0, fy=100.0, cx=60.0, cy=44.0)
SHAPE = (90, 130)


def rays(camera: Intrinsics, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    x = (columns - camera.cx) / camera.fx
    y = (rows - camera.cy) / camera.fy
    return np.stack([x, y, np.ones(shape)], -1)


def unit(*vector: float) -> np.ndarray:
    return np.array(vector) / np.linalg.norm(vector)


def plane_depth(
    normal: np.ndarray, distance: float, shape: tuple[int, int] = SHAPE
) -> np.ndarray:
    """With P = z ray on the plane P . n = -d, z = -d / (n . ray)."""
    along = -rays(CAMERA, shape) @ normal
    depth = distance / np.maximum(along, 1e-9)
    return np.where(depth < 20, depth, 0)  # beyond the horizon: unknown


def angles(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    dots = (found * expected).sum(-1)
    return np.degrees(np.arccos(np.clip(dots, -1, 1)))


@pytest.mark.parametrize(
    'normal',
    [unit(0, 0, -1), unit(0.5, 0.2, -1), unit(-0.1, -1, -0.3)],
)
def test_plane(normal: np.ndarray) -> None:
    depth = plane_depth(normal, 1.4)
    found = normals_from_depth(depth, CAMERA)
    known = (found != 0).any(-1)
    assert known[depth > 0].mean() > 0.95
    assert not known[depth == 0].any()
    assert angles(found, normal)[known].max() < 0.05
    assert found.dtype == np.float32


def test_convention_normals_face_the_camera() -> None:
    # A floor below the camera (y is down): its normal points up, -y.
    depth = plane_depth(unit(0, -1, 0), 1.5)
    found = normals_from_depth(depth, CAMERA)
    inside = found[60:, 20:-20]
    np.testing.assert_allclose(
        inside, np.broadcast_to([0, -1, 0], inside.shape), atol=1e-4
    )
    assert ((found * rays(CAMERA, SHAPE)).sum(-1) <= 0).all()


def test_sphere() -> None:
    # |t r - c|^2 = R^2 with r scaled to z = 1, so t is the depth.
    centre, radius = np.array([0.1, -0.1, 2.0]), 0.8
    r = rays(CAMERA, SHAPE)
    a, b = (r * r).sum(-1), r @ centre
    root = b * b - a * (centre @ centre - radius**2)
    depth = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, 0)
    expected = (r * depth[..., None] - centre) / radius
    found = normals_from_depth(depth, CAMERA, noise=1e-5, radii=(3, 1))
    known = (found != 0).any(-1)
    error = angles(found, expected)[known]
    assert np.median(error) < 1
    assert np.percentile(error, 90) < 6  # the rim, seen edge on


def test_crease_stays_sharp() -> None:
    left, right = unit(0.6, 0, -1), unit(-0.6, 0, -1)
    depth = np.minimum(plane_depth(left, 2.0), plane_depth(right, 2.0))
    expected = np.where(
        (plane_depth(left, 2.0) <= plane_depth(right, 2.0))[..., None],
        left,
        right,
    )
    error = angles(normals_from_depth(depth, CAMERA), expected)
    # 60 degrees apart; a plain window would be wrong on 24 columns of 130.
    assert (error > 5).mean() < 0.02


def test_sensor_noise_is_averaged_out() -> None:
    normal = unit(0.3, -0.2, -1)
    noise = np.random.default_rng(0).normal(0, 1.4e-3, SHAPE)
    depth = 1 / (1 / plane_depth(normal, 2.0) + noise)
    error = angles(normals_from_depth(depth, CAMERA), normal)
    # Slope error of a 25x25 window: noise / (z-scaled side) by regression,
    # 1.4e-3 / sqrt(625 * 52) = 7.8e-6 per pixel; times f = 110 and over c =
    # 0.5 that is 0.1 degrees.
    assert np.median(error) < 0.3
    smaller = angles(normals_from_depth(depth, CAMERA, radii=(2,)), normal)
    assert np.median(smaller) > 5 * np.median(error)


def test_unknown_depth_has_no_normal_and_does_no_harm() -> None:
    normal = unit(0.2, 0.1, -1)
    depth = plane_depth(normal, 1.0)
    holes = np.random.default_rng(1).random(SHAPE) < 0.3
    depth[holes] = np.resize([0, np.nan, np.inf, -1.0], holes.sum())
    found = normals_from_depth(depth, CAMERA)
    assert (found[holes] == 0).all()
    known = (found != 0).any(-1)
    assert known[~holes].mean() > 0.99
    assert angles(found, normal)[known].max() < 0.05
    assert not normals_from_depth(np.zeros(SHAPE), CAMERA).any()


def test_planes_do_not_depend_on_the_focal_length() -> None:
    depth = plane_depth(unit(0.2, 0.4, -1), 1.0)
    planes = fit_planes(depth, (CAMERA.cx, CAMERA.cy))
    np.testing.assert_array_equal(
        normals_of_planes(planes, CAMERA.fx, CAMERA.fy),
        normals_from_depth(depth, CAMERA),
    )


def test_crop_moves_the_principal_point() -> None:
    normal = unit(0.3, 0.3, -1)
    depth = plane_depth(normal, 1.0)[10:, 25:]
    found = normals_from_depth(depth, CAMERA.cropped(10, 25))
    assert angles(found, normal).max() < 0.05
    wrong = normals_from_depth(depth, CAMERA)
    assert np.median(angles(wrong, normal)) > 2


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_rendered_rooms(seed: int) -> None:
    room = render_room(seed, 120, 160)
    camera = sample_scene(np.random.default_rng([seed, 0])).camera
    view = Intrinsics.centred(camera.focal(160), 120, 160)
    exact = normals_from_depth(room.depth, view, noise=1e-5, radii=(6, 3, 1))
    assert np.median(angles(exact, room.normals)) < 0.2
    # A Kinect's depth: noise, then steps of its disparity.
    rng = np.random.default_rng(seed)
    inverse = 1 / room.depth + rng.normal(0, 1.4e-3, room.depth.shape)
    depth = 1 / (np.round(inverse / 2.85e-3) * 2.85e-3)
    noisy = angles(normals_from_depth(depth, view), room.normals)
    assert np.median(noisy) < 2
    assert (noisy < 11.25).mean() > 0.8


def test_real_taskonomy_view() -> None:
    place = real_data('taskonomy')
    name = 'point_202_view_5_domain_{}'
    stored = np.asarray(
        Image.open(place / f'{name}.png'.format('depth_zbuffer'))
    ).astype(np.float32)
    depth = np.where(stored == 65535, 0, stored / 512)
    info = json.loads(
        (place / f'{name}.json'.format('point_info')).read_text()
    )
    focal = 256 / np.tan(info['field_of_view_rads'] / 2)
    theirs = Image.open(place / f'{name}.png'.format('normal'))
    expected = np.asarray(theirs)[..., :3] / 127.5 - 1
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    camera = Intrinsics.centred(focal, 512, 512)
    found = normals_from_depth(depth, camera, noise=1e-4)
    known = (found != 0).any(-1)
    assert np.median(angles(found, expected)[known]) < 2


@pytest.mark.parametrize('name', ['00000', '00050'])
def test_real_kinect_view(name: str) -> None:
    path = real_data(f'nyuv2/raw_sync/sync_depth_{name}.png')
    depth = np.asarray(Image.open(path)).astype(np.float32) / 1000
    found = normals_from_depth(depth, NYUD_COLOUR)
    known = (found != 0).any(-1)
    assert known[depth > 0].mean() > 0.99
    # The floor fills the lower middle: up is -y, the camera looks level.
    floor = found[400:460, 150:300][known[400:460, 150:300]]
    median = np.median(floor, axis=0)
    assert median[1] < -0.85
    assert abs(median[0]) < 0.2
