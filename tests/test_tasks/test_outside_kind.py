"""The kind that CONTRIBUTING gives as a model behaves as kinds must."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from mmmtl.models.postprocess import undo_augmentation
from mmmtl.tasks import get_task
from mmmtl.visualization import display_range, paint
from tests.own_tasks import outside_modules


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    with outside_modules():
        __import__('outside_kind')
        yield


@pytest.mark.parametrize(
    ('direction', 'seen'), [('horizontal', 150.0), ('vertical', 330.0)]
)
def test_views_are_averaged_in_one_frame(direction: str, seen: float) -> None:
    """30 degrees look like `seen` in the mirror; both views say 30."""
    kind = get_task('aspect').kind
    views = []
    for degrees, metainfo in (
        (30.0, {}),
        (seen, dict(flip=True, flip_direction=direction)),
    ):
        angle = torch.tensor(degrees).deg2rad()
        logits = torch.stack([angle.cos(), angle.sin()]).view(2, 1, 1)
        soft = undo_augmentation(
            'aspect', logits.expand(2, 3, 2), metainfo, then=kind.activate
        )
        assert soft.shape == (2, 3, 2)
        views.append(soft)
    found = kind.finalize(torch.stack(views).mean(0))
    torch.testing.assert_close(found, torch.full((1, 3, 2), 30.0))


def test_labels_mirror_and_turn_as_predictions_do() -> None:
    kind = get_task('aspect').kind
    label = np.float32([[30, np.nan], [350, 0]])  # two pixels wide
    np.testing.assert_allclose(
        kind.flip(label, 'horizontal', axis=-1),
        [[150, np.nan], [190, 180]],
    )
    np.testing.assert_allclose(
        kind.flip(label, 'vertical', axis=-1), [[330, np.nan], [10, 0]]
    )
    # From x to y, which points down: a counter-clockwise turn takes away.
    np.testing.assert_allclose(
        kind.turn(label, 40.0, axis=-1), [[350, np.nan], [310, 320]]
    )


def test_between_two_frames_the_shorter_way_counts() -> None:
    now, before = np.array([[359.0, 10, 90]]), np.array([[1.0, 350, 270]])
    found = get_task('aspect').kind.difference(now, before)
    np.testing.assert_array_equal(found, [2, 20, 180])


def test_a_picture_shows_degrees() -> None:
    values = np.linspace(0, 359, 360, dtype=np.float32).reshape(1, 12, 30)
    low, high = display_range('aspect', values)
    assert low < 3
    assert high > 356
    levels = np.unique(paint('aspect', values)[..., 0])
    assert len(levels) > 200
