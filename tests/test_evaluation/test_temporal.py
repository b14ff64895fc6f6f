"""Flicker: what is not there scores 0, what is there its own size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mmmtl.evaluation.functional import warp_error, warp_error_sums
from mmmtl.geometry.motion import camera_motion, exact_flow
from mmmtl.geometry.optical_flow import optical_flow
from mmmtl.rooms.path import Frame, clip_seed, render_clip
from mmmtl.tasks import TASKS, get_task
from mmmtl.tasks.kinds import Scalar

SIZE = (72, 96)
ALL = tuple(TASKS)


@pytest.fixture(scope='module')
def frames() -> list[Frame]:
    return list(render_clip(clip_seed(8), 7, *SIZE))[::3]


def truth(frame: Frame, task: str) -> np.ndarray:
    """A label as a prediction of it is, (C, H, W)."""
    values = np.atleast_3d(getattr(frame.sample, task)).transpose(2, 0, 1)
    if get_task(task).kind.pred_dtype.is_floating_point:
        return values.astype(np.float32)
    return values.astype(np.int64)


def score(
    task: str,
    maps: list[np.ndarray],
    frames: list[Frame],
    *,
    poses: bool = True,
) -> float:
    sums = np.zeros(2)
    for index in range(1, len(frames)):
        now, before = frames[index], frames[index - 1]
        pose, last = now.camera.pose(), before.camera.pose()
        matrix = now.camera.intrinsics(*SIZE)
        flow, seen = exact_flow(
            now.sample.depth, pose, before.sample.depth, last, matrix
        )
        motion = camera_motion(pose, last, matrix, flow) if poses else None
        sums += warp_error_sums(
            get_task(task).kind,
            maps[index],
            maps[index - 1],
            flow,
            seen,
            motion,
        )
    return warp_error(sums)


@pytest.mark.parametrize('task', ALL)
def test_a_still_scene_and_a_constant_model_score_zero(
    task: str, frames: list[Frame]
) -> None:
    still = [frames[0]] * 3
    maps = [truth(frame, task) for frame in still]
    assert score(task, maps, still) == 0.0
    assert score(task, maps, still, poses=False) == 0.0


@pytest.mark.parametrize(
    ('task', 'limit'),
    [
        ('semseg', 0.1),  # percent of the pixels
        ('human_parts', 0.1),
        ('depth', 0.05),  # percent
        # Degrees: at a crease, a pixel between two is of neither side.
        ('normals', 1.5),
        ('reshading', 0.02),  # looks from elsewhere: a little is real
    ],
)
def test_the_truth_scores_next_to_nothing(
    task: str, limit: float, frames: list[Frame]
) -> None:
    maps = [truth(frame, task) for frame in frames]
    assert score(task, maps, frames) < limit


@pytest.mark.parametrize(('task', 'more'), [('depth', 0.1), ('normals', 0.2)])
def test_without_poses_the_motion_itself_counts(
    task: str, more: float, frames: list[Frame]
) -> None:
    maps = [truth(frame, task) for frame in frames]
    plain = score(task, maps, frames, poses=False)
    assert plain > more + score(task, maps, frames)


def test_a_scaled_depth_scores_its_scale(frames: list[Frame]) -> None:
    """Every second frame 10 % deeper: 0.1 over the mean of 1 and 1.1."""
    still = [frames[0]] * 3
    maps = [truth(frame, 'depth') for frame in still]
    maps[1] = 1.1 * maps[1]
    expected = 100 * 0.1 / 1.05
    assert score('depth', maps, still) == pytest.approx(expected, rel=1e-4)


def test_turned_normals_score_the_angle(frames: list[Frame]) -> None:
    still = [frames[0]] * 2
    maps = [truth(frame, 'normals') for frame in still]
    cos, sin = math.cos(math.radians(7)), math.sin(math.radians(7))
    x, y, z = maps[1]
    maps[1] = np.stack([cos * x - sin * y, sin * x + cos * y, z])
    # A vector at the angle a to the axis turns by
    # 2 asin(sin(a) sin(7 / 2 degrees)).
    away = np.sqrt(np.maximum(1 - np.float64(z) ** 2, 0))
    turned = np.degrees(2 * np.arcsin(away * math.sin(math.radians(3.5))))
    assert score('normals', maps, still) == pytest.approx(
        turned.mean(), rel=1e-4
    )


def test_noisy_classes_score_what_the_noise_says() -> None:
    """A share p of each frame takes one of K - 1 other classes.

    Two frames agree if both keep the class, (1 - p)^2, or both take the
    same other one, p^2 / (K - 1).
    """
    share, classes = 0.3, 5
    rng = np.random.default_rng(0)
    size = (200, 200)
    maps = [
        np.where(rng.random(size) < share, rng.integers(1, classes, size), 0)[
            None
        ]
        for _ in range(2)
    ]
    flow, seen = np.zeros((*size, 2), np.float32), np.ones(size, bool)
    kind = get_task('semseg').kind
    found = warp_error(warp_error_sums(kind, *maps, flow, seen))
    agree = (1 - share) ** 2 + share**2 / (classes - 1)
    assert found == pytest.approx(100 * (1 - agree), abs=1)
    # Only where a point was seen before.
    seen[:, 100:] = False
    maps[1][:, :, :100] = maps[0][:, :, :100]
    assert warp_error(warp_error_sums(kind, *maps, flow, seen)) == 0
    assert math.isnan(
        warp_error(warp_error_sums(kind, *maps, flow, seen & False))
    )


def test_a_border_between_pixels_is_kept() -> None:
    """Moved by half a pixel, a border is at one of its two pixels."""
    kind = get_task('semseg').kind
    before = np.repeat([0, 0, 0, 1, 1, 1], 4).reshape(1, 6, 4)
    flow = np.full((6, 4, 2), (0.0, 0.5), np.float32)
    seen = np.ones((6, 4), bool)
    for border in (2, 3):
        now = (np.arange(6) >= border).astype(int)[None, :, None]
        now = np.broadcast_to(now, (1, 6, 4))
        assert warp_error_sums(kind, now, before, flow, seen)[0] == 0
    now = np.broadcast_to((np.arange(6) >= 1).astype(int)[:, None], (1, 6, 4))
    sums = warp_error_sums(kind, now, before, flow, seen)
    assert sums.tolist() == [400, 24]


@dataclass(frozen=True)
class _Pair(Scalar):
    """A kind from elsewhere, which says nothing about frames."""

    components = 2


def test_a_kind_from_outside_has_a_measure() -> None:
    kind = _Pair()
    before = np.zeros((2, 3, 4), np.float32)
    now = before + np.float32([1, 2])[:, None, None]
    flow, seen = np.zeros((3, 4, 2), np.float32), np.ones((3, 4), bool)
    sums = warp_error_sums(kind, now, before, flow, seen)
    assert warp_error(sums) == 1.5
    mixed = kind.blend(
        torch.zeros(2, 3, 4), torch.ones(2, 3, 4), torch.full((3, 4), 0.25)
    )
    torch.testing.assert_close(mixed, torch.full((2, 3, 4), 0.25))


def test_optical_flow_follows_a_picture() -> None:
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    wide = np.kron(coarse, np.ones((8, 8), np.uint8))
    for _ in range(4):  # softened, so that it can be followed
        wide = (
            wide[:-1, :-1] // 4
            + wide[1:, :-1] // 4
            + wide[:-1, 1:] // 4
            + wide[1:, 1:] // 4
        )
    before, now = wide[10:130, 10:170], wide[13:133, 5:165]
    # now(y, x) = before(y + 3, x - 5)
    flow, seen = optical_flow(now.copy(), before.copy())
    assert seen[10:-10, 10:-10].mean() > 0.9
    error = np.linalg.norm(flow - (-5, 3), axis=-1)
    assert np.median(error[seen]) < 0.2
    assert not seen[:, :3].any()  # was outside of the picture


@pytest.mark.parametrize('size', [(1, 1), (8, 11), (11, 300), (31, 128)])
def test_pictures_too_small_for_the_search_have_no_past(
    size: tuple[int, int],
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    flow, seen = optical_flow(picture, picture)
    assert flow.shape == (*size, 2)
    assert seen.shape == size
    assert not flow.any()
    assert not seen.any()


@pytest.mark.parametrize('size', [(32, 512), (512, 32), (32, 32)])
def test_pictures_just_large_enough_are_searched(
    size: tuple[int, int],
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    flow, seen = optical_flow(picture, picture)
    assert seen.mean() > 0.9
    assert abs(flow[seen]).mean() < 0.1
