"""The constants of the trivial predictor, against arithmetic by hand."""

import pytest
import torch

from mmmtl.evaluation.trivial_predictor import (
    fit_constants,
    predict_constants,
)
from mmmtl.structures import MultiTaskDataSample


def sample(**labels):
    made = MultiTaskDataSample()
    for task, label in labels.items():
        made.set_gt(task, label)
    return made


def test_constants_pool_pixels_over_samples():
    first = sample(
        semseg=torch.tensor([[[3, 3, 255, 255]]]),
        depth=torch.tensor([[[1.0, 0.0, 0.0, 0.0]]]),
        normals=torch.tensor([[[1.0, 0, 0, 0]], [[0.0] * 4], [[0.0] * 4]]),
        reshading=torch.tensor([[[0.2, 0.2, 0.9, float('nan')]]]),
    )
    second = sample(
        semseg=torch.tensor([[[5, 5, 5, 3]]]),
        depth=torch.tensor([[[4.0, 4.0, 4.0, float('inf')]]]),
        normals=torch.tensor([[[0.0] * 4], [[0.0] * 4], [[-1.0, 0, 0, 0]]]),
        reshading=torch.tensor([[[0.2] * 4]]),
    )
    found = fit_constants(
        [first, second], ['semseg', 'depth', 'normals', 'reshading']
    )
    # 3 and 5 occur three times each without the ignored pixels; the smaller
    # id wins a tie.
    assert found['semseg'].item() == 3
    assert found['depth'].item() == pytest.approx(13 / 4)  # 1 + 3 * 4, of 4
    half = 0.5**0.5  # the mean of (1,0,0) and (0,0,-1), made a unit vector
    assert found['normals'].flatten().tolist() == pytest.approx(
        [half, 0, -half]
    )
    assert found['reshading'].item() == pytest.approx(0.2, abs=1e-3)


def test_predictions_fill_the_labels_size():
    labelled = sample(
        semseg=torch.full((1, 2, 3), 7), edge=torch.ones(1, 2, 3).long()
    )
    constants = fit_constants([labelled], ['semseg', 'edge'])
    filled = predict_constants(labelled, constants)
    assert torch.equal(filled.get_pred('semseg'), torch.full((1, 2, 3), 7))
    assert torch.equal(filled.get_pred('edge'), torch.ones(1, 2, 3))


def test_a_task_without_labels_is_refused():
    empty = sample(depth=torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match=r"no labelled pixel of \['depth'\]"):
        fit_constants([empty], ['depth'])
