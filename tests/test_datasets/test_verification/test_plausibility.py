"""The pure checks behind the verification, on derived numbers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets.verification.plausibility import (
    compare_with_depth,
    describe,
    length_error,
    merge,
    rays,
    share_facing_away,
)
from mmmtl.geometry import Intrinsics
from mmmtl.tasks import get_task
from tests.test_datasets.real_data import real_data

CAMERA = Intrinsics(fx=60.0, fy=60.0, cx=31.5, cy=23.5)
SHAPE = (48, 64)


def wall(normal: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Normals and depth of the plane n . P = -2."""
    n = np.array(normal) / np.linalg.norm(normal)
    depth = -2 / (rays(CAMERA, *SHAPE) @ n)
    return np.broadcast_to(n, (*SHAPE, 3)).copy(), depth


def test_rays_hit_their_pixels() -> None:
    x, y, z = rays(CAMERA, *SHAPE)[10, 50]
    assert (60 * x / z + 31.5, 60 * y / z + 23.5) == (50, 10)


def test_facing_depends_on_the_ray_and_not_on_z() -> None:
    # A left wall with z slightly above 0 is seen where x / z < -0.1 / 1.
    normals = np.zeros((*SHAPE, 3))
    normals[:] = np.array([1.0, 0.0, 0.1])
    # n . ray = (u - 31.5) / 60 + 0.1 > 0 for u > 25.5: 38 of 64 columns.
    assert share_facing_away(normals, CAMERA) == 38 / 64
    normals[:, 32:] = 0  # no label
    assert share_facing_away(normals, CAMERA) == 6 / 32
    assert share_facing_away(np.zeros((*SHAPE, 3)), CAMERA) == 0


def test_length() -> None:
    normals = np.zeros((2, 3, 3))
    assert length_error(normals) == 0
    normals[0, 0] = [0, 0, -0.5]
    assert length_error(normals) == 0.5


def corner() -> tuple[np.ndarray, np.ndarray]:
    """Return normals and depth of a left wall, a floor and a far wall."""
    planes = [wall(n) for n in ([1, 0, -0.1], [0.1, -1, 0], [0.2, 0.1, -1])]
    # 0.5, 0.5 and 2 metres away, so that each is seen.
    depths = np.stack(
        [
            np.where(d > 0, scale * d, np.inf)
            for scale, (_, d) in zip((0.25, 0.25, 1), planes, strict=True)
        ]
    )
    assert np.bincount(depths.argmin(axis=0).ravel()).min() > 400
    nearest = depths.argmin(axis=0)
    normals = np.stack([n for n, _ in planes])
    rows, columns = np.indices(SHAPE)
    return normals[nearest, rows, columns], depths.min(axis=0)


@pytest.mark.parametrize('camera', [CAMERA, None])
def test_right_normals_agree(camera: Intrinsics | None) -> None:
    found = compare_with_depth(*corner(), camera)
    # Without a camera: the nearest of the fields of view 5 degrees apart.
    assert found.angle < (0.1 if camera else 1.5)
    assert found.remedy is None


@pytest.mark.parametrize('camera', [CAMERA, None])
@pytest.mark.parametrize(
    ('axes', 'signs', 'remedy'),
    [
        ((0, 1, 2), (-1, 1, 1), '(-x, y, z)'),
        ((0, 1, 2), (1, -1, 1), '(x, -y, z)'),
        ((0, 1, 2), (1, 1, -1), '(x, y, -z)'),
        ((2, 1, 0), (1, 1, 1), '(z, y, x)'),
        # x is stored second, y third, z first.
        ((2, 0, 1), (1, 1, 1), '(y, z, x)'),
    ],
)
def test_the_remedy_is_named(
    camera: Intrinsics | None,
    axes: tuple[int, ...],
    signs: tuple[int, ...],
    remedy: str,
) -> None:
    normals, depth = corner()
    wrong = normals[..., list(axes)] * signs
    assert str(compare_with_depth(wrong, depth, camera).remedy) == remedy


def test_angle_of_a_mirrored_wall() -> None:
    normals, depth = wall([0.5, -0.3, -1])
    found = compare_with_depth(normals * [-1, 1, 1], depth, CAMERA)
    # The length of (.5, -.3, -1) squared is 1.34; mirrored, the dot product
    # with itself falls by twice the share of x.
    expected = np.degrees(np.arccos(1 - 2 * 0.25 / 1.34))
    assert found.angle == pytest.approx(expected, abs=0.1)


def test_too_little_to_compare() -> None:
    normals, depth = wall([0, 0, -1])
    depth[:, 2:] = 0
    assert compare_with_depth(normals, depth, CAMERA) is None


REAL = [('taskonomy/point_202_view_5', 512)] + [
    (f'hm3d/{view}', 4096)
    for view in ('point_0_view_3', 'point_12_view_1', 'point_7_view_1')
]


@pytest.mark.parametrize(('view', 'scale'), REAL)
def test_real_views(view: str, scale: int) -> None:
    path = real_data(f'{view}_domain_depth_zbuffer.png')
    stored = np.asarray(Image.open(path)).astype(np.float32)
    depth = np.where(stored == 65535, 0, stored / scale)
    path = real_data(f'{view}_domain_normal.png')
    normals = np.asarray(Image.open(path))[..., :3] / 127.5 - 1
    found = compare_with_depth(normals, depth, None)
    assert found.angle < 10
    assert found.remedy is None
    mirrored = compare_with_depth(normals * [-1, 1, 1], depth, None)
    assert str(mirrored.remedy) == '(-x, y, z)'


def test_statistics_ignore_what_has_no_label() -> None:
    depth = np.float32([[0, 1, 2], [0, 3, 8]])
    found = describe('depth', depth)
    assert found == dict(pixels=6, labelled=4, low=1, high=8, median=2.5)
    other = describe('depth', np.float32([[0.5, 0.5]]))
    merged = merge('depth', [found, other])
    assert merged == dict(
        maps=2,
        labelled=6 / 8,
        unit=get_task('depth').kind.unit,
        low=0.5,
        high=8,
        median=1.5,
    )
    semseg = describe('semseg', np.uint8([[255, 3], [3, 0]]))
    assert semseg == dict(pixels=4, labelled=3, counts={0: 1, 3: 2})
    assert merge('semseg', [semseg, semseg])['counts'] == {0: 2, 3: 4}
    heat = describe('edges2d', np.float32([[np.nan, 0.0]]))
    assert heat == dict(pixels=2, labelled=1, low=0, high=0, median=0)
