from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmmtl.tasks import TASKS, register_task
from mmmtl.visualization import (
    PAINTERS,
    default_palette,
    display_range,
    human_parts_palette,
    paint,
)
from mmmtl.visualization.painters import NO_LABEL_ON_GREY
from tests.own_tasks import own_table

RED, GREEN = (255, 0, 0), (0, 255, 0)


def colours(picture: np.ndarray) -> list:
    """Return the pixels of a one-row picture."""
    assert picture.dtype == np.uint8
    return [tuple(map(int, pixel)) for pixel in picture[0]]


def test_every_task_has_a_painter() -> None:
    assert {row.painter for row in TASKS.values()} <= PAINTERS.keys()


@pytest.mark.parametrize('task', TASKS)
def test_a_map_without_any_label_is_painted_in_one_colour(task: str) -> None:
    kind = TASKS[task].kind
    empty = np.full((kind.components, 3, 4), kind.no_label)
    empty = empty.astype(str(kind.dtype).removeprefix('torch.'))
    picture = paint(task, empty)
    grey = task not in ('semseg', 'human_parts', 'depth', 'normals')
    assert picture.shape == (3, 4, 3)
    assert (picture == (NO_LABEL_ON_GREY if grey else (0, 0, 0))).all()


def test_classes_take_the_palettes_colours_and_ignored_ones_are_black() -> (
    None
):
    ids = np.array([[0, 1, 255, 1]])
    painted = paint('semseg', ids, palette=[RED, GREEN])
    assert colours(painted) == [RED, GREEN, (0, 0, 0), GREEN]


def test_uint8_ids_are_painted_like_int64_ids() -> None:
    ids = np.array([[0, 3, 255]])
    same = paint('semseg', ids) == paint('semseg', ids.astype(np.uint8))
    assert same.all()


def test_classes_without_palette_take_the_default_one() -> None:
    painted = paint('semseg', np.array([[2, 0]]))
    assert (painted[0] == default_palette(3)[[2, 0]]).all()
    painted = paint('human_parts', np.array([[0, 6]]))
    assert (painted[0] == human_parts_palette(7)[[0, 6]]).all()


def test_convention_near_is_bright_and_far_is_dark() -> None:
    painted = paint('depth', np.array([[1.0, 2.0, 3.0]]), value_range=(1, 3))
    # First, middle (255 / 2 rounds to 128) and last colour of viridis.
    table = cv2.applyColorMap(
        np.array([[255, 128, 0]], np.uint8), cv2.COLORMAP_VIRIDIS
    )
    assert colours(painted) == colours(table[..., ::-1])
    brightness = painted[0].astype(int).sum(-1)
    assert brightness[0] > brightness[1] > brightness[2] > 0


def test_depth_without_a_value_is_black() -> None:
    depth = np.array([[0, np.nan, np.inf, -1, 2]], np.float32)
    painted = colours(paint('depth', depth))
    assert painted[:4] == [(0, 0, 0)] * 4
    assert painted[4] != (0, 0, 0)


def test_depth_outside_the_range_takes_its_ends() -> None:
    depth = np.array([[0.1, 1.0, 3.0, 99.0]])
    painted = colours(paint('depth', depth, value_range=(1, 3)))
    assert painted[0] == painted[1]
    assert painted[2] == painted[3]


def test_display_range_ignores_noise_and_missing_depth() -> None:
    # 1 to 2 m on 998 pixels, one far outlier, one without depth.
    depth = np.concatenate([np.linspace(1, 2, 998), [1000, 0]])
    low, high = display_range('depth', depth.reshape(1, 10, 100))
    # 2 % and 98 % of the way from 1 to 2.
    assert low == pytest.approx(1.02, abs=2e-3)
    assert high == pytest.approx(1.98, abs=2e-3)
    assert display_range('depth', np.zeros((2, 2))) == (0.0, 1.0)
    assert display_range('normals', np.zeros((3, 2, 2))) is None


def test_convention_normals_are_shown_x_right_y_up_z_to_the_viewer() -> None:
    facing, floor, from_left = (0, 0, -1), (0, -1, 0), (1, 0, 0)
    normals = np.array([facing, floor, from_left, (0, 0, 0)], np.float32)
    painted = paint('normals', normals.T[:, None])  # (3, 1, 4)
    # (n + 1) / 2 of 255: -1 is 0, 0 is 127.5 and rounds up, 1 is 255.
    assert colours(painted) == [
        (128, 128, 255),
        (128, 255, 128),
        (255, 128, 128),
        (0, 0, 0),
    ]


@pytest.mark.parametrize('task', ['edge', 'saliency', 'reshading'])
def test_shares_are_grey(task: str) -> None:
    painted = colours(paint(task, np.array([[0.0, 0.4, 1.0]], np.float32)))
    assert painted == [(0,) * 3, (102,) * 3, (255,) * 3]


def test_grey_of_values_without_a_range_takes_that_of_the_map() -> None:
    with own_table():
        register_task('weight', kind='scalar', painter='grey')
        register_task('haze', kind='scalar', painter='grey', low=0.0)
        values = np.linspace(100, 300, 201, dtype=np.float32)[None]
        assert display_range('weight', values) == (101, 299)
        assert display_range('haze', values) == (0, 299)
    assert display_range('saliency', np.float32([[0.4, 0.5]])) == (0, 1)


def test_ignored_edges_are_neither_black_nor_white() -> None:
    painted = colours(paint('edge', np.array([[0, 1, 255]])))
    assert painted == [(0,) * 3, (255,) * 3, NO_LABEL_ON_GREY]


@pytest.mark.parametrize('task', ['keypoints2d', 'edges2d'])
def test_heat_maps_grow_brighter_and_leave_nan_out(task: str) -> None:
    heat = np.array([[0, 0.01, 0.02, np.nan]], np.float32)
    painted = paint(task, heat)
    brightness = painted[0].astype(int).sum(-1)
    assert brightness[0] < brightness[1] < brightness[2]
    assert colours(painted)[3] == NO_LABEL_ON_GREY


@pytest.mark.parametrize('task', ['normals', 'edge', 'reshading'])
def test_nan_of_a_diverged_model_is_painted_as_no_label(task: str) -> None:
    channels = TASKS[task].kind.components
    broken = np.full((channels, 1, 2), np.nan, np.float32)
    broken[-1, 0, 1] = 1
    expected = (0, 0, 0) if task == 'normals' else NO_LABEL_ON_GREY
    assert colours(paint(task, broken))[0] == expected


def test_the_map_itself_is_not_changed() -> None:
    depth = np.array([[1.0, np.nan]], np.float32)
    paint('depth', depth)
    assert depth[0, 0] == 1
    assert np.isnan(depth[0, 1])


def test_a_class_without_colour_takes_no_other_one() -> None:
    with pytest.raises(IndexError, match='index 2'):
        paint('semseg', np.array([[0, 2]]), palette=[RED, GREEN])
