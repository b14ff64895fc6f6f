"""Gamma, factors and the order of channels, as MulT draws them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from mmmtl.datasets.transforms import (
    MultiTaskChannelPermutation,
    MultiTaskColourJitter,
    PackMultiTaskInputs,
)
from mmmtl.datasets.transforms.colour import CHANNEL_ORDERS


def test_each_channel_has_its_factor_and_white_is_the_limit() -> None:
    image = np.uint8([[[100, 100, 100], [250, 10, 0]]])
    found = MultiTaskColourJitter().apply(
        dict(img=image), (1.0, (1.5, 0.5, 1.0))
    )
    np.testing.assert_allclose(
        found['img'], [[[150, 50, 100], [255, 5, 0]]], rtol=1e-6
    )
    packed = PackMultiTaskInputs()(found)['inputs']
    assert packed[:, 0, 1].tolist() == [255, 5, 0]


def test_gamma_acts_on_shares_of_white_before_the_factors() -> None:
    """(64 / 255) ^ 2 * 255 * 0.5 = 8.03; white stays white."""
    image = np.uint8([[[64, 64, 255]]])
    found = MultiTaskColourJitter().apply(
        dict(img=image), (2.0, (0.5, 1.0, 1.0))
    )
    want = 64**2 / 255
    np.testing.assert_allclose(
        found['img'][0, 0], [want / 2, want, 255], rtol=1e-6
    )


def test_draws_are_a_gamma_and_a_brightness_times_a_colour() -> None:
    np.random.seed(0)
    jitter = MultiTaskColourJitter(prob=1.0)
    gammas, factors = zip(*(jitter.draw() for _ in range(2000)), strict=True)
    assert 0.8 <= min(gammas) < 0.81 < 1.19 < max(gammas) <= 1.2
    drawn = np.array(factors)
    # 0.75 * 0.8 and 1.25 * 1.2 are the limits.
    assert 0.6 <= drawn.min() < 0.65 < 1.45 < drawn.max() <= 1.5
    # Quotients of channels do not know the brightness: 0.8 / 1.2 to 1.5.
    quotient = drawn[:, 0] / drawn[:, 1]
    assert 0.8 / 1.2 <= quotient.min() < 0.7 < 1.4 < quotient.max() <= 1.5
    assert drawn.mean() == pytest.approx(1.0, abs=0.02)


def test_four_orders_are_drawn_alike_and_half_of_the_time() -> None:
    """Never the reversed one; numbers 1 to 4 of itertools' six."""
    np.random.seed(0)
    draw = MultiTaskChannelPermutation().draw
    drawn = [draw() for _ in range(4000)]
    assert tuple(permutations(range(3)))[1:5] == CHANNEL_ORDERS
    for order in CHANNEL_ORDERS:
        assert drawn.count(order) == pytest.approx(500, abs=75)
    assert set(drawn) == {None, *CHANNEL_ORDERS}
    jitter = [MultiTaskColourJitter().draw() for _ in range(2000)]
    assert jitter.count(None) == pytest.approx(1000, abs=100)


def test_orders_of_rgb_are_those_of_bgr() -> None:
    """Reversing, exchanging, reversing back gives the same set."""
    image = np.arange(3)
    found = {
        tuple(image[::-1][list(order)][::-1].tolist())
        for order in CHANNEL_ORDERS
    }
    assert found == set(CHANNEL_ORDERS)
    sample = dict(img=np.uint8([[[5, 6, 7]]]))
    changed = MultiTaskChannelPermutation().apply(sample, (1, 2, 0))
    assert changed['img'].tolist() == [[[6, 7, 5]]]


def test_without_ranges_or_luck_nothing_changes() -> None:
    image = np.uint8([[[1, 2, 3]]])
    still = MultiTaskColourJitter(
        gamma_range=(1, 1),
        brightness_range=(1, 1),
        channel_range=(1, 1),
        prob=1.0,
    )
    np.testing.assert_allclose(still(dict(img=image))['img'], image, 1e-6)
    for never in (
        MultiTaskColourJitter(prob=0),
        MultiTaskChannelPermutation(prob=0),
    ):
        assert never.draw() is None
        assert never(dict(img=image))['img'] is image


def test_a_wrong_probability_is_refused() -> None:
    with pytest.raises(ValueError, match='prob=2'):
        MultiTaskColourJitter(prob=2)
