from __future__ import annotations

import math

import numpy as np
import pytest

from mmmtl.errors import UserError
from mmmtl.geometry import Intrinsics, Lens, points_of_depth


def test_convention_points_project_back_onto_their_pixels() -> None:
    """X is right, y down, z forward; the first pixel's centre is (0, 0)."""
    camera = Intrinsics(fx=50, fy=40, cx=7, cy=3)
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 9, (12, 20)).astype(np.float32)
    x, y, z = points_of_depth(depth, camera).transpose(2, 0, 1)
    np.testing.assert_array_equal(z, depth)
    rows, columns = np.mgrid[:12, :20]
    np.testing.assert_allclose(50 * x / z + 7, columns, atol=1e-4)
    np.testing.assert_allclose(40 * y / z + 3, rows, atol=1e-4)
    assert (points_of_depth(depth, camera)[3, 7, :2] == 0).all()


def test_points_of_a_plane_lie_on_it() -> None:
    """On n . P = d a ray (u, v, 1) meets depth d / (n . ray)."""
    normal, distance = np.array([0.3, -0.5, 0.8]), 2.5
    lens = Lens(fov=70)
    camera = lens.camera(90, 160)
    rows, columns = np.mgrid[:90, :160]
    rays = np.stack(
        [
            (columns - 79.5) / (80 / np.tan(np.deg2rad(35))),
            (rows - 44.5) / (80 / np.tan(np.deg2rad(35))),
            np.ones((90, 160)),
        ],
        -1,
    )
    depth = distance / (rays @ normal)
    points = points_of_depth(depth.astype(np.float32), camera)
    np.testing.assert_allclose(points @ normal, distance, rtol=1e-5)


def test_a_field_of_view_reaches_from_edge_to_edge() -> None:
    """At 90 degrees and z = 1 the picture is 2 wide: 10 pixels of 0.2."""
    points = points_of_depth(
        np.ones((4, 10), np.float32), Lens(fov=90).camera(4, 10)
    )
    np.testing.assert_allclose(points[0, :, 0], np.arange(-0.9, 1, 0.2))
    np.testing.assert_allclose(points[:, 0, 1], [-0.3, -0.1, 0.1, 0.3])


def test_what_is_assumed_is_said() -> None:
    assert str(Lens()) == 'horizontal field of view of 60 degrees, assumed'
    assert str(Lens(fov=69.5)).endswith('of 69.5 degrees, as given')
    assert str(Lens((5, 5, 2, 2))) == 'intrinsics as given'
    assert Lens().camera(8, 10) == Lens(fov=60).camera(8, 10)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(fov=0.0), 'fov=0'),
        (dict(fov=180.0), '0 to 180'),
        (dict(intrinsics=(0, 5, 1, 1)), 'above 0'),
        (dict(intrinsics=(5, math.nan, 1, 1)), 'above 0'),
        (dict(intrinsics=(5, 5, math.inf, 1)), 'intrinsics='),
        (dict(intrinsics=(5, 5, 1, 1), fov=60.0), 'one of the two'),
    ],
)
def test_no_such_camera(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Lens(**options)
