from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.models.postprocess import restore_pixels, undo_augmentation
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS, Kind, get_task
from mmmtl.tasks.kinds import Binary, Classes, Depth, Normals

RANGES = {
    Classes: (0, 254),
    Binary: (0, 1),
    Depth: (0, math.inf),
    Normals: (-1, 1),
}
CHANNELS = {'semseg': 5, 'human_parts': 3, 'saliency': 2, 'normals': 3}


def kind_of(task: str) -> Kind:
    return get_task(task).kind


def random_logits(task: str, *size: int) -> Tensor:
    return 3 * torch.randn(CHANNELS.get(task, 1), *(size or (4, 6)))


def pixel(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)


@pytest.mark.parametrize(
    ('task', 'logits', 'want'),
    [
        ('semseg', (1.0, 3.0, 2.0), [1]),
        ('human_parts', (-1.0, -3.0, -2.0), [0]),
        ('depth', (2.5,), [2.5]),
        ('depth', (-2.5,), [0.0]),
        # 3 / 5, 4 / 5
        ('normals', (3.0, 0.0, -4.0), [0.6, 0.0, -0.8]),
        # 1 / (1 + e ** -ln 3) = 3 / 4
        ('edge', (math.log(3),), [0.75]),
        ('saliency', (math.log(3),), [0.75]),
        # e ** ln 9 / (e ** 0 + e ** ln 9) = 9 / 10
        ('saliency', (0.0, math.log(9)), [0.9]),
        ('reshading', (-0.25,), [-0.25]),
        ('keypoints2d', (1.5,), [1.5]),
        ('edges2d', (0.5,), [0.5]),
    ],
)
def test_convention_decode(
    task: str, logits: tuple[float, ...], want: list[float]
) -> None:
    found = kind_of(task).decode(pixel(*logits))
    assert found.dtype == kind_of(task).pred_dtype
    assert found.flatten().tolist() == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize('task', TASKS)
def test_a_prediction_fits_its_row(task: str) -> None:
    prediction = kind_of(task).decode(random_logits(task))
    sample = MultiTaskDataSample()
    sample.set_pred(task, prediction)  # checks dtype and channels
    low, high = RANGES.get(kind_of(task).__class__, (-math.inf, math.inf))
    # A unit vector's component may round to a little above 1.
    assert prediction.min() >= low - 1e-6
    assert prediction.max() <= high + 1e-6


@pytest.mark.parametrize('task', TASKS)
def test_decode_is_activate_then_finalize(task: str) -> None:
    logits = random_logits(task)
    twice = kind_of(task).finalize(kind_of(task).activate(logits))
    assert torch.allclose(kind_of(task).decode(logits), twice, atol=1e-6)


@pytest.mark.parametrize('task', TASKS)
def test_a_batch_is_decoded_image_by_image(task: str) -> None:
    logits = torch.stack([random_logits(task), random_logits(task)])
    for whole, one in zip(kind_of(task).decode(logits), logits, strict=True):
        assert torch.equal(whole, kind_of(task).decode(one))


def test_class_probabilities_are_averaged_not_ids() -> None:
    """Two unsure views outvote one: mean of (.9, .1), (.4, .6), (.4, .6).

    The mean is (.5667, .4333), class 0, although class 1 wins two views.
    """
    views = [pixel(0.9, 0.1), pixel(0.4, 0.6), pixel(0.4, 0.6)]
    soft = [kind_of('semseg').activate(view.log()) for view in views]
    mean = torch.stack(soft).mean(0)
    assert mean.flatten().tolist() == pytest.approx([1.7 / 3, 1.3 / 3])
    assert kind_of('semseg').finalize(mean).item() == 0


def test_a_mean_of_normals_is_normalised_again() -> None:
    mean = torch.stack([pixel(1, 0, 0), pixel(0, 0, -1)]).mean(0)
    half = math.sqrt(0.5)
    found = kind_of('normals').finalize(mean).flatten().tolist()
    assert found == pytest.approx([half, 0, -half])


def unflip(task: str, logits: Tensor, direction: str) -> Tensor:
    metainfo = dict(flip=True, flip_direction=direction)
    return undo_augmentation(task, logits, metainfo)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
@pytest.mark.parametrize('task', TASKS)
def test_convention_flipping_twice_is_the_identity(
    task: str, direction: str
) -> None:
    logits = random_logits(task)
    kept = logits.clone()
    once = unflip(task, logits, direction)
    assert torch.equal(unflip(task, once, direction), logits)
    assert torch.equal(logits, kept)  # not in place
    if task != 'normals':
        axis = -1 if direction == 'horizontal' else -2
        assert torch.equal(once, logits.flip(axis))


@pytest.mark.parametrize(
    ('direction', 'sign', 'axis'),
    [('horizontal', (-1, 1, 1), -1), ('vertical', (1, -1, 1), -2)],
)
def test_convention_a_flip_mirrors_one_component_of_normals(
    direction: str, sign: tuple[int, ...], axis: int
) -> None:
    logits = random_logits('normals')
    found = unflip('normals', logits, direction)
    assert torch.equal(found, logits.flip(axis) * pixel(*sign))


def test_a_diagonal_flip_is_refused() -> None:
    with pytest.raises(ValueError, match="flip_direction='diagonal'"):
        unflip('edge', random_logits('edge'), 'diagonal')


@pytest.mark.parametrize('task', TASKS)
def test_nothing_done_nothing_undone(task: str) -> None:
    logits = random_logits(task)
    assert torch.equal(undo_augmentation(task, logits, {}), logits)
    metainfo = dict(ori_shape=(4, 6), zoom=1.0, flip=False)
    assert torch.equal(undo_augmentation(task, logits, metainfo), logits)


def test_padding_is_cut_off() -> None:
    logits = random_logits('depth', 9, 11)
    metainfo = dict(padding_size=(1, 2, 3, 4), ori_shape=(2, 8))
    found = undo_augmentation('depth', logits, metainfo)
    assert torch.equal(found, logits[:, 3:5, 1:9])


def test_padding_is_cut_before_mirroring() -> None:
    """The padding of a mirrored image is not mirrored with it."""
    inner = random_logits('edge')
    padded = F.pad(inner.flip(-1), (0, 3, 0, 2), value=9.0)
    metainfo = dict(
        padding_size=(0, 3, 0, 2),
        flip=True,
        flip_direction='horizontal',
        ori_shape=(4, 6),
    )
    assert torch.equal(undo_augmentation('edge', padded, metainfo), inner)


@pytest.mark.parametrize('task', TASKS)
def test_convention_only_depth_follows_the_zoom(task: str) -> None:
    """Seen twice as large is seen half as far: multiply by the factor."""
    logits = torch.ones_like(random_logits(task, 8, 12))
    metainfo: dict[str, Any] = dict(zoom=2.0, ori_shape=(4, 6))
    found = undo_augmentation(task, logits, metainfo)
    assert found.shape == (logits.shape[0], 4, 6)
    assert torch.equal(
        found, torch.full_like(found, 2.0 if task == 'depth' else 1.0)
    )


def test_resizing_back_is_bilinear_with_square_pixels() -> None:
    """Halving averages 2x2 pixels, as align_corners=False does."""
    logits = random_logits('edge', 8, 12)
    found = undo_augmentation('edge', logits, dict(ori_shape=(4, 6)))
    want = F.avg_pool2d(logits, 2)
    assert torch.allclose(found, want, atol=1e-6)


@pytest.mark.parametrize('size', [(9, 13), (3, 4)])
def test_nearest_classes_are_chosen_before_they_are_resized(
    size: tuple[int, int],
) -> None:
    """As by OpenCV from the map of classes."""
    logits = random_logits('semseg')
    found = undo_augmentation(
        'semseg', logits, dict(ori_shape=size), class_resize='nearest'
    )
    ids = kind_of('semseg').decode(logits)[0].numpy().astype(np.uint8)
    want = cv2.resize(ids, size[::-1], interpolation=cv2.INTER_NEAREST)
    assert kind_of('semseg').decode(found)[0].tolist() == want.tolist()


def test_other_maps_stay_bilinear() -> None:
    logits = random_logits('edge')
    metainfo = dict(ori_shape=(9, 13))
    assert torch.equal(
        undo_augmentation('edge', logits, metainfo, class_resize='nearest'),
        undo_augmentation('edge', logits, metainfo),
    )


def test_pixels_without_a_task_go_back_and_keep_their_values() -> None:
    """Two rows of three, mirrored, zoomed and padded at the left by one."""
    maps = torch.tensor([[[9.0, 3, 2, 1], [9, 6, 5, 4]]])
    metainfo = dict(
        padding_size=(1, 0, 0, 0),
        flip=True,
        flip_direction='horizontal',
        zoom=2.0,
        ori_shape=(2, 3),
    )
    found = restore_pixels(maps, metainfo)
    assert found.tolist() == [[[1, 2, 3], [4, 5, 6]]]
