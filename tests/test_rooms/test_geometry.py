"""Depth, normals and camera of whole pictures agree with one another."""

import math
from collections.abc import Iterator

import numpy as np

from mmmtl.rooms.camera import Camera, Vectors, dot
from mmmtl.rooms.labels import camera_normals
from mmmtl.rooms.raster import Hits, cast, face_viewer, hit
from mmmtl.rooms.sampling import room_shell, sample_scene
from mmmtl.rooms.scene import Scene
from mmmtl.rooms.solids import Primitive, ball, box, place
from mmmtl.rooms.textures import Material

SIZE = (48, 64)
WHITE = Material((1.0, 1.0, 1.0))


def empty_room() -> list[Primitive]:
    size = (4.0, 5.0, 2.5)
    planes = room_shell(np.random.default_rng(0), size)
    return [plane for _, plane in planes]


def camera(**changes: float) -> Camera:
    pose = dict(
        position=(2.0, 1.0, 1.5), yaw=0.0, pitch=0.0, roll=0.0,
        field_of_view=math.radians(60),
    )  # fmt: skip
    return Camera(**{**pose, **changes})


def scenes() -> Iterator[tuple[Scene, Hits]]:
    for seed in range(6):
        scene = sample_scene(np.random.default_rng(seed))
        yield scene, cast(scene.primitives, scene.camera, *SIZE)


def test_depth_of_the_opposite_wall_is_its_distance() -> None:
    hits = cast(empty_room(), camera(), *SIZE)
    # Ray slope limits: the wall at 4 m is 2 m to each side, 1 m up, 1.5 down.
    x, y, _ = hits.camera_rays
    wall = (np.abs(x) < 0.49) & (y > -0.24) & (y < 0.37)
    assert wall.mean() > 0.3
    np.testing.assert_allclose(hits.depth[wall], 4.0, rtol=1e-6)


def test_depth_is_measured_along_the_line_of_sight_when_turned() -> None:
    yaw = 0.2
    hits = cast(empty_room(), camera(yaw=yaw), *SIZE)
    x, y, _ = hits.camera_rays
    centre = (np.abs(x) < 0.2) & (np.abs(y) < 0.1)
    # Wall y = 5: 1 + z (cos(yaw) - x sin(yaw)) = 5.
    expected = 4 / (math.cos(yaw) - x[centre] * math.sin(yaw))
    np.testing.assert_allclose(hits.depth[centre], expected, rtol=1e-5)


def test_convention_camera_frame_x_right_y_down_z_forward() -> None:
    view = camera(yaw=0.0, pitch=math.radians(-10))
    hits = cast(empty_room(), view, *SIZE)
    normals = camera_normals(hits, view)
    assert normals[24, 32, 2] < -0.9  # the wall ahead looks back at us
    assert normals[-1, 32, 1] < -0.9  # the floor looks up: negative y
    left = cast(empty_room(), camera(yaw=-1.2), *SIZE)
    left = camera_normals(left, camera(yaw=-1.2))
    assert left[24, 0, 0] > 0.3  # the left wall looks to the right
    # Positive roll turns the camera clockwise: its right side sinks, so the
    # floor comes up on the right of a picture of a level room.
    rolled = cast(empty_room(), camera(roll=0.3), *SIZE)
    floor = np.abs(rolled.normals.z - 1) < 1e-6
    assert floor[:, -1].sum() > floor[:, 0].sum()


def test_normals_are_the_gradient_of_back_projected_depth_on_planes() -> None:
    compared = 0
    for scene, hits in scenes():
        x, y, z = (r * hits.depth for r in hits.camera_rays)
        points = np.stack([x, y, z], axis=-1).astype(np.float64)
        right = points[1:-1, 2:] - points[1:-1, :-2]
        down = points[2:, 1:-1] - points[:-2, 1:-1]
        gradient = np.cross(down, right)
        gradient /= np.linalg.norm(gradient, axis=-1, keepdims=True)
        normals = camera_normals(hits, scene.camera)
        cosine = (gradient * normals[1:-1, 1:-1]).sum(-1)
        middle = normals[1:-1, 1:-1]
        flat = np.ones(cosine.shape, bool)
        kinds = np.array(
            [p.kind in ('plane', 'box') for p in scene.primitives]
        )
        for rows, columns in ((1, 0), (1, 2), (0, 1), (2, 1)):
            window = (
                slice(rows, rows + cosine.shape[0]),
                slice(columns, columns + cosine.shape[1]),
            )
            same = hits.primitive[window] == hits.primitive[1:-1, 1:-1]
            # The faces of one box count as different planes.
            same &= (normals[window] * middle).sum(-1) > 0.999
            flat &= same
        flat &= kinds[hits.primitive[1:-1, 1:-1]]
        compared += flat.sum()
        angle = np.degrees(np.arccos(np.clip(cosine[flat], -1, 1)))
        assert angle.max() < 0.2
    assert compared > 5000


def test_normals_of_a_ball_point_from_its_centre() -> None:
    solids = [ball((0, 0, 0), (0.6, 0.6, 0.6), WHITE)]
    room = empty_room() + place(solids, (2.2, 3.5, 1.2), 0.0, 6, 0)
    hits = cast(room, camera(), *SIZE)
    seen = hits.primitive == 6
    assert seen.sum() > 100
    for point, normal, centre in zip(
        hits.points, hits.normals, (2.2, 3.5, 1.2), strict=True
    ):
        offset = (point[seen] - centre) / 0.6
        np.testing.assert_allclose(normal[seen], offset, atol=2e-3)


def test_points_lie_in_the_room_and_normals_face_the_camera() -> None:
    for scene, hits in scenes():
        for point, extent in zip(hits.points, scene.size, strict=True):
            assert point.min() > -1e-4
            assert point.max() < extent + 1e-4
        normals = camera_normals(hits, scene.camera)
        length = np.linalg.norm(normals, axis=-1)
        np.testing.assert_allclose(length, 1, atol=1e-5)
        rays = np.stack(hits.camera_rays, axis=-1)
        assert (normals * rays).sum(-1).max() < 0


def test_points_are_depth_times_ray() -> None:
    scene, hits = next(scenes())
    world = scene.camera.to_world(hits.camera_rays)
    for point, origin, ray in zip(
        hits.points, scene.camera.position, world, strict=True
    ):
        np.testing.assert_allclose(point, origin + hits.depth * ray, atol=1e-5)


def test_window_contains_every_pixel_of_a_solid() -> None:
    rng = np.random.default_rng(3)
    view = camera(yaw=0.1, pitch=-0.2, roll=0.05)
    seen = 0
    for _ in range(20):
        spot = rng.uniform((1, 2, 0.4), (3, 4.5, 2))
        solid = place(
            [box((0, 0, 0), (0.5, 0.9, 0.3), WHITE)], tuple(spot), 0.7, 6, 0
        )
        hits = cast(empty_room() + solid, view, *SIZE)
        window = view.window(solid[0].corners(), *SIZE)
        rows, columns = np.nonzero(hits.primitive == 6)
        whole = hit(solid[0], view.position, view.rays(*SIZE)[1])
        assert np.isfinite(whole).sum() == len(rows)
        if len(rows):
            seen += 1
            assert window[0].start <= rows.min()
            assert columns.max() < window[1].stop
    assert seen > 10


def test_normals_that_rounding_turned_away_are_bent_back() -> None:
    ray = Vectors(*(np.full(3, c, np.float32) for c in (0.0, 0.6, 0.8)))
    # n . ray: -1e-4 (too close to grazing), 1e-3 (turned away), -0.6.
    slope = np.array([-1e-4, 1e-3, -0.6], np.float32)
    across = np.sqrt(1 - slope**2)
    normals = Vectors(across, slope * 0.6, slope * 0.8)
    bent = face_viewer(normals, ray)
    np.testing.assert_allclose(dot(bent, bent), 1, atol=1e-6)
    np.testing.assert_allclose(dot(bent, ray), [-1e-3, -1e-3, -0.6], atol=1e-6)
