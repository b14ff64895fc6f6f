"""A camera that moves: its path, its pictures, and where points went."""

from __future__ import annotations

import numpy as np
import pytest

from mmmtl.geometry.motion import camera_motion, exact_flow, read_along
from mmmtl.rooms import render_room
from mmmtl.rooms.path import camera_path, clip_seed, render_clip
from mmmtl.rooms.render import room_of

SIZE = (60, 80)
SEED = clip_seed(5)


def test_the_first_frame_is_the_room_of_the_seed() -> None:
    frame = next(render_clip(SEED, 1, *SIZE))
    for name, value in vars(render_room(SEED, *SIZE)).items():
        np.testing.assert_array_equal(value, vars(frame.sample)[name])


def test_a_camera_that_stands_still_sees_the_same() -> None:
    first, second = render_clip(SEED, 2, *SIZE, varied=True, motion=0.0)
    for name, value in vars(first.sample).items():
        np.testing.assert_array_equal(value, vars(second.sample)[name])


def test_with_grain_the_noise_alone_differs() -> None:
    first, second = render_clip(SEED, 2, *SIZE, motion=0.0, grain=True)
    change = np.float64(first.sample.image) - second.sample.image
    # Two independent noises of 0.012 of the range of 255.
    assert 0.8 < change.std() / (0.012 * 255 * 2**0.5) < 1.2
    assert abs(change.mean()) < 0.2
    np.testing.assert_array_equal(first.sample.depth, second.sample.depth)
    np.testing.assert_array_equal(first.sample.semseg, second.sample.semseg)


def test_paths_are_smooth_and_stay_in_the_room() -> None:
    for number in range(30):
        seed = clip_seed(2, number)
        scene = room_of(seed, varied=True)
        path = camera_path(scene, seed, 200)
        places = np.array([camera.position for camera in path])
        assert (places > 0.1).all()
        assert (places < np.array(scene.size) - 0.1).all()
        steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
        assert steps.max() < 0.04  # metres
        turns = np.diff([(c.yaw, c.pitch, c.roll) for c in path], axis=0)
        assert abs(turns).max() < np.radians(1)
        assert steps.max() > 0.01
        assert camera_path(scene, seed, 7) == path[:7]


@pytest.mark.parametrize('motion', [3.0, 1e9])
def test_no_motion_leads_out_of_the_room(motion: float) -> None:
    reached = 9.0
    for number in range(30):
        seed = clip_seed(2, number)
        scene = room_of(seed, varied=True)
        path = camera_path(scene, seed, 1500, motion=motion)
        places = np.array([camera.position for camera in path])
        gaps = np.minimum(places, np.array(scene.size) - places)
        assert gaps.min() > 0.1 - 1e-9
        reached = min(reached, gaps.min())
        assert camera_path(scene, seed, 9, motion=motion) == path[:9]
    assert reached < 0.15  # no closer than needed, but as far as allowed


def test_what_fits_into_the_room_is_a_factor() -> None:
    for number in range(10):
        seed = clip_seed(2, number)
        scene = room_of(seed, varied=True)
        start = np.array(scene.camera.position)
        once, half = (
            np.array([c.position for c in path]) - start
            for path in (
                camera_path(scene, seed, 200),
                camera_path(scene, seed, 200, motion=0.5),
            )
        )
        np.testing.assert_allclose(once, 2 * half, atol=1e-12)


def test_the_flow_leads_to_the_same_surface() -> None:
    before, now = (
        frame
        for number, frame in enumerate(render_clip(SEED, 10, *SIZE))
        if number in (0, 9)
    )
    poses = now.camera.pose(), before.camera.pose()
    matrix = now.camera.intrinsics(*SIZE)
    flow, seen = exact_flow(
        now.sample.depth, poses[0], before.sample.depth, poses[1], matrix
    )
    assert 1 < np.abs(flow[seen]).max() < 40
    assert 0.6 < seen.mean() < 1
    # Objects: at the pixel that is nearest to where the point was.
    rows, columns = np.indices(SIZE)
    row = np.clip(np.rint(rows + flow[..., 1]).astype(int), 0, SIZE[0] - 1)
    column = np.clip(
        np.rint(columns + flow[..., 0]).astype(int), 0, SIZE[1] - 1
    )
    same = before.sample.instance[row, column] == now.sample.instance
    assert same[seen].mean() > 0.97  # others are borders of objects
    # Depth and normals, after the motion of the camera.
    motion = camera_motion(*poses, matrix, flow)
    depth = read_along(before.sample.depth[None], flow)[0]
    x, y = motion.rays
    points = np.stack([x * depth, y * depth, depth])
    moved = np.einsum('ij,jhw->ihw', motion.rotation, points)
    z = moved[2] + motion.translation[2]
    error = abs(z / now.sample.depth - 1)[seen]
    assert np.median(error) < 1e-4
    assert np.median(abs(depth / now.sample.depth - 1)[seen]) > 0.003
    normals = before.sample.normals[row, column].transpose(2, 0, 1)
    turned = np.einsum('ij,jhw->ihw', motion.rotation, normals)
    cosine = (turned * now.sample.normals.transpose(2, 0, 1)).sum(0)
    assert np.median(1 - cosine[seen]) < 1e-6


def test_a_still_camera_moves_nothing() -> None:
    frame = next(render_clip(SEED, 1, *SIZE))
    pose, depth = frame.camera.pose(), frame.sample.depth
    matrix = frame.camera.intrinsics(*SIZE)
    flow, seen = exact_flow(depth, pose, depth, pose, matrix)
    assert not flow.any()
    assert seen.all()
    maps = frame.sample.normals.transpose(2, 0, 1)
    np.testing.assert_array_equal(read_along(maps, flow), maps)


def test_what_was_hidden_was_not_seen() -> None:
    """A near board hides a part of the far wall, which comes into view."""
    depth_before = np.full((8, 20), 4.0, np.float32)
    depth_before[:, 10:] = 2.0
    matrix = np.array([[10.0, 0, 9.5], [0, 10.0, 3.5], [0, 0, 1]])
    pose = np.eye(4)
    pose[0, 3] = -1.0  # to the left: the board moves right by 5, the wall 2.5
    depth = np.full((8, 20), 4.0, np.float32)
    depth[:, 15:] = 2.0
    flow, seen = exact_flow(depth, pose, depth_before, np.eye(4), matrix)
    np.testing.assert_allclose(flow[:, :15, 0], -2.5)
    np.testing.assert_allclose(flow[:, 15:, 0], -5.0)
    assert not flow[..., 1].any()
    # Columns 0 to 2 were outside; 12 to 14 were behind the board.
    expected = [False] * 3 + [True] * 9 + [False] * 3 + [True] * 5
    assert seen[4].tolist() == expected


def test_no_data_set_holds_the_room_of_a_clip() -> None:
    from mmmtl.datasets.room_layouts import order_rooms

    order = order_rooms('nyud', 600, 600, 16, 16, 5)
    rooms = {order.room_seed(number) for number in range(order.total)}
    assert not rooms & {clip_seed(5, number) for number in range(1200)}
