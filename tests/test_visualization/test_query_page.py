from __future__ import annotations

import numpy as np

from mmmtl.visualization import cells_of_queries, paint_attention
from mmmtl.visualization.query_page import spread_of

GREY = np.full((6, 8, 3), 100, np.uint8)


def brightness(picture: np.ndarray) -> np.ndarray:
    return picture.astype(int).sum(-1)


def test_the_peak_is_the_brightest_pixel() -> None:
    weights = np.zeros((6, 8))
    weights[4, 1], weights[2, 6] = 1.0, 0.5
    light = brightness(paint_attention(GREY, weights))
    assert np.unravel_index(light.argmax(), light.shape) == (4, 1)
    assert light[4, 1] > light[2, 6] > light[0, 0]


def test_no_attention_leaves_the_darkened_grey_picture() -> None:
    picture = paint_attention(GREY, np.zeros((6, 8)))
    # 0.35 of 100, and 0.65 of inferno's first colour, (0, 0, 4): 2.6.
    assert (picture == [35, 35, 38]).all()


def test_equal_attention_does_not_hide_the_picture() -> None:
    image = GREY.copy()
    image[:, :4] = 200
    light = brightness(paint_attention(image, np.full((6, 8), 0.1)))
    # 0.35 of the difference of 100 in each of three channels.
    assert (light[:, :4] - light[:, 4:] == 105).all()


def test_maps_of_one_scale_can_be_compared() -> None:
    low = np.full((6, 8), 0.2)
    high = np.full((6, 8), 0.4)
    assert (paint_attention(GREY, low) == paint_attention(GREY, high)).all()
    dark = paint_attention(GREY, low, highest=0.4)
    light = paint_attention(GREY, high, highest=0.4)
    assert (brightness(dark) < brightness(light)).all()


def test_spread_counts_the_pixels_that_share_the_attention() -> None:
    weights = np.zeros((3, 2, 4), np.float32)
    weights[0] = 1 / 8
    weights[1, 0, 0] = 1
    weights[2, 0, :2] = 0.5
    np.testing.assert_allclose(spread_of(weights), [1, 1 / 8, 2 / 8])


def test_a_row_has_the_mean_and_then_the_sharpest_queries() -> None:
    wide = np.full((6, 8), 1 / 48)
    sharp = np.zeros((6, 8))
    sharp[5, 7] = 1
    half = (wide + sharp) / 2
    attention = {
        'depth': np.stack([wide, half, sharp]),
        'edge': np.stack([sharp, wide, wide]),
    }
    rows = cells_of_queries(
        GREY, attention, num_queries=2, resize=lambda maps: maps
    )
    titles = [[cell and cell.title for cell in row] for row in rows]
    # One pixel of 48 is 2.1 %. The mixture has 24.5/48 there and 0.5/48 on
    # each of the 47 others.
    shares = np.r_[24.5, np.full(47, 0.5)] / 48
    mixed = np.exp(-(shares * np.log(shares)).sum()) / 48
    assert titles == [
        [
            'image',
            'depth: all 3 queries',
            'query 2: 2.1% of image',
            f'query 1: {mixed:.1%} of image',
        ],
        [
            None,
            'edge: all 3 queries',
            'query 0: 2.1% of image',
            'query 1: 100.0% of image',
        ],
    ]
    mean = attention['depth'].mean(0)
    assert (rows[0][1].picture == paint_attention(GREY, mean)).all()
    assert (rows[0][2].picture == paint_attention(GREY, sharp)).all()


def test_a_task_with_fewer_queries_shows_them_all() -> None:
    attention = {'depth': np.full((2, 6, 8), 1 / 48)}
    (row,) = cells_of_queries(
        GREY, attention, num_queries=5, resize=lambda maps: maps
    )
    assert len(row) == 1 + 1 + 2
