"""Factors on grey levels."""

from __future__ import annotations

import numpy as np
import pytest

from mmmtl.datasets.transforms import (
    MultiTaskColourJitter,
    PackMultiTaskInputs,
)


def test_each_channel_has_its_factor_and_white_is_the_limit() -> None:
    image = np.uint8([[[100, 100, 100], [250, 10, 0]]])
    found = MultiTaskColourJitter().apply(dict(img=image), (1.5, 0.5, 1.0))
    np.testing.assert_allclose(
        found['img'], [[[150, 50, 100], [255, 5, 0]]], rtol=1e-6
    )
    packed = PackMultiTaskInputs()(found)['inputs']
    assert packed[:, 0, 1].tolist() == [255, 5, 0]


def test_draws_are_a_brightness_times_a_colour() -> None:
    np.random.seed(0)
    jitter = MultiTaskColourJitter()
    drawn = np.array([jitter.draw() for _ in range(2000)])
    # 0.75 * 0.8 and 1.25 * 1.2 are the limits.
    assert 0.6 <= drawn.min() < 0.65 < 1.45 < drawn.max() <= 1.5
    # Quotients of channels do not know the brightness: 0.8 / 1.2 to 1.5.
    quotient = drawn[:, 0] / drawn[:, 1]
    assert 0.8 / 1.2 <= quotient.min() < 0.7 < 1.4 < quotient.max() <= 1.5
    assert drawn.mean() == pytest.approx(1.0, abs=0.02)


def test_without_ranges_or_luck_nothing_changes() -> None:
    image = np.uint8([[[1, 2, 3]]])
    still = MultiTaskColourJitter(
        brightness_range=(1, 1), channel_range=(1, 1)
    )
    np.testing.assert_array_equal(still(dict(img=image))['img'], image)
    never = MultiTaskColourJitter(prob=0)
    assert never.draw() is None
    assert never(dict(img=image))['img'] is image


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(brightness_range=(2, 1)), r'brightness_range=\(2, 1\)'),
        (dict(channel_range=(-1, 1)), r'channel_range=\(-1, 1\)'),
        (dict(prob=2), 'prob=2'),
    ],
)
def test_wrong_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskColourJitter(**settings)
