"""What the random transforms draw, and which settings they refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmmtl.datasets.transforms import (
    ColourDraw,
    MultiTaskPhotoMetricDistortion,
    MultiTaskRandomCrop,
    MultiTaskRandomFlip,
    MultiTaskRandomRotate,
    MultiTaskRandomScale,
    PackMultiTaskInputs,
)
from mmmtl.registry import TRANSFORMS


def test_scale_range_and_list() -> None:
    even = MultiTaskRandomScale(ratio_range=(0.5, 2.0))
    drawn = [even.draw() for _ in range(400)]
    assert 0.5 <= min(drawn) < 0.6
    assert 1.9 < max(drawn) < 2.0
    assert np.mean(drawn) == pytest.approx(1.25, abs=0.1)
    listed = MultiTaskRandomScale(scales=[1.0, 1.2, 1.5])
    assert {listed.draw() for _ in range(60)} == {1.0, 1.2, 1.5}
    fixed = MultiTaskRandomScale(ratio_range=(0.7, 0.7))
    assert {fixed.draw() for _ in range(5)} == {0.7}


def test_same_seed_same_draws() -> None:
    transforms = [
        MultiTaskRandomScale(ratio_range=(0.5, 2.0)),
        MultiTaskRandomFlip(),
        MultiTaskRandomRotate(degrees=20, prob=0.9),
        MultiTaskPhotoMetricDistortion(),
    ]
    rounds = []
    for _ in range(2):
        np.random.seed(3)
        rounds.append([transform.draw() for transform in transforms])
    assert rounds[0] == rounds[1]


def test_colours_are_drawn_within_their_ranges() -> None:
    distort = MultiTaskPhotoMetricDistortion(
        brightness_delta=10, contrast_range=(0.9, 1.1), hue_delta=2
    )
    drawn = [distort.draw() for _ in range(300)]
    for name in ('brightness', 'contrast', 'saturation', 'hue'):
        present = [d for d in drawn if getattr(d, name) is not None]
        assert len(present) == pytest.approx(150, abs=40), name
    assert {d.hue for d in drawn} == {None, -2, -1, 0, 1}
    assert all(abs(d.brightness or 0) <= 10 for d in drawn)
    assert all(0.9 <= (d.contrast or 1) <= 1.1 for d in drawn)
    assert {d.contrast_first for d in drawn} == {True, False}


def test_colours_lose_their_fractions_even_if_nothing_is_drawn() -> None:
    image = np.full((2, 2, 3), 41.9, np.float32)
    results = MultiTaskPhotoMetricDistortion().apply(
        dict(img=image), ColourDraw()
    )
    assert results['img'].dtype == np.uint8
    assert (results['img'] == 41).all()


def test_brightness_is_clipped() -> None:
    image = np.uint8([[[250, 3, 100]]])
    results = dict(img=image)
    distort = MultiTaskPhotoMetricDistortion()
    # 250 + 10.7 = 255 at most, 3 + 10.7 = 13, 100 + 10.7 = 110.
    found = distort.apply(results, ColourDraw(brightness=10.7))['img']
    assert found.tolist() == [[[255, 13, 110]]]


def test_flip_and_rotation_probability() -> None:
    flips = MultiTaskRandomFlip(prob=0.25)
    count = sum(flips.draw() for _ in range(400))
    assert count == pytest.approx(100, abs=30)
    assert not any(MultiTaskRandomFlip(prob=0).draw() for _ in range(50))
    assert all(MultiTaskRandomFlip(prob=1).draw() for _ in range(50))
    rotate = MultiTaskRandomRotate(degrees=(5, 10), prob=0.5)
    angles = [rotate.draw() for _ in range(200)]
    turned = [angle for angle in angles if angle is not None]
    assert len(turned) == pytest.approx(100, abs=30)
    assert 5 <= min(turned) <= max(turned) <= 10


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: MultiTaskRandomScale(), 'give one of them'),
        (
            lambda: MultiTaskRandomScale(ratio_range=(1, 2), scales=[1]),
            'give one of them',
        ),
        (
            lambda: MultiTaskRandomCrop(crop_size=(5, 5), cat_max_ratio=2),
            'cat_max_ratio=2',
        ),
        (
            lambda: MultiTaskRandomCrop(crop_size=(5, 5), cat_task='semsg'),
            'semseg',
        ),
        (lambda: MultiTaskRandomRotate(degrees=5, prob=1.5), r'prob=1\.5'),
        (lambda: MultiTaskRandomFlip(prob=-1), 'prob=-1'),
        (lambda: MultiTaskRandomFlip(direction='diagonal'), 'diagonal'),
    ],
)
def test_wrong_settings(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    'name',
    [
        'MultiTaskRandomScale',
        'MultiTaskRandomCrop',
        'MultiTaskRandomRotate',
        'MultiTaskRandomFlip',
        'MultiTaskPhotoMetricDistortion',
        'MultiTaskCenteredPad',
        'PackMultiTaskInputs',
    ],
)
def test_unknown_arguments_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match='probability'):
        TRANSFORMS.build(dict(type=name, probability=0.5))


def test_pack_rounds_and_turns_the_axes() -> None:
    image = np.zeros((2, 3, 3), np.float32)
    image[1, 2] = (10.4, 10.6, 260.0)
    packed = PackMultiTaskInputs()(dict(img=image, zoom=2.0, unknown=1))
    assert packed['inputs'][:, 1, 2].tolist() == [10, 11, 255]
    assert packed['inputs'].sum() == 276
    assert packed['data_samples'].metainfo == {'zoom': 2.0}
