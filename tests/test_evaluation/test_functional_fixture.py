"""The metrics give the numbers of the authors' code.

``tests/data/losses_metrics`` holds inputs, counts and values recorded from
yangyangxu0/DeMT at b638e14; where that code is known to be wrong, the value
of a correct port.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmmtl.evaluation import (
    DepthErrorMetric,
    NormalsMetric,
    SegmentationMetric,
)
from mmmtl.evaluation.functional import (
    angles,
    class_areas,
    f_measure,
    threshold_counts,
)
from mmmtl.structures import MultiTaskDataSample

DATA = Path(__file__).parents[1] / 'data'
SPEC = json.loads((DATA / 'losses_metrics.json').read_text())
ARRAYS = np.load(DATA / 'losses_metrics.npz')
CLASS_CASES = [
    ('nyud', 'semseg'),
    ('pascal', 'semseg'),
    ('pascal', 'human_parts'),
]


def load(dataset: str, task: str) -> tuple[np.ndarray, np.ndarray]:
    prediction = ARRAYS[f'{dataset}/pred/{task}'].astype(np.float32)
    return prediction, ARRAYS[f'{dataset}/label/{task}']


def make_sample(
    task: str, prediction: np.ndarray, label: np.ndarray
) -> MultiTaskDataSample:
    sample = MultiTaskDataSample()
    sample.set_gt(task, torch.from_numpy(label))
    sample.set_pred(task, torch.from_numpy(prediction))
    return sample


@pytest.mark.parametrize(('dataset', 'task'), CLASS_CASES)
def test_class_counts_are_exact(dataset: str, task: str) -> None:
    logits, label = load(dataset, task)
    valid = label[:, 0] != 255
    intersection, predicted, labelled = class_areas(
        logits.argmax(axis=1)[valid],
        label[:, 0][valid].astype(np.int64),
        SPEC[dataset]['tasks'][task],
    )
    want = SPEC[dataset]['metrics'][task]
    assert intersection.tolist() == want['intersection']
    union = predicted + labelled - intersection
    assert union.tolist() == want['union']


@pytest.mark.parametrize(('dataset', 'task'), CLASS_CASES)
@pytest.mark.parametrize(
    ('empty_classes', 'key'),
    [
        ('zero', 'value'),
        ('skip', 'value_if_classes_with_empty_union_were_left_out'),
    ],
)
def test_mean_iou(
    dataset: str, task: str, empty_classes: str, key: str
) -> None:
    logits, labels = load(dataset, task)
    evaluator = Evaluator(
        SegmentationMetric(
            task=task,
            num_classes=SPEC[dataset]['tasks'][task],
            empty_classes=empty_classes,
        )
    )
    for image, label in zip(logits, labels, strict=True):
        prediction = image.argmax(axis=0, keepdims=True)
        evaluator.process(
            [make_sample(task, prediction, label.astype(np.int64))]
        )
    assert evaluator.evaluate(2)[f'{task}/mIoU'] == pytest.approx(
        100 * SPEC[dataset]['metrics'][task][key], rel=1e-6
    )


def test_depth_rmse() -> None:
    """255 stands for "no label" in the recorded labels; here it is 0."""
    predictions, labels = load('nyud', 'depth')
    labels = np.where(labels == 255, 0, labels).astype(np.float32)
    evaluator = Evaluator(DepthErrorMetric())
    for prediction, label in zip(predictions, labels, strict=True):
        evaluator.process([make_sample('depth', prediction, label)])
    assert evaluator.evaluate(2)['depth/rmse'] == pytest.approx(
        SPEC['nyud']['metrics']['depth']['value_correct_port'], rel=1e-6
    )


def test_perfect_depth_with_an_unlabelled_pixel() -> None:
    label = np.array([[[1.0, 2.0], [3.0, 0.0]]], dtype=np.float32)
    evaluator = Evaluator(DepthErrorMetric())
    evaluator.process([make_sample('depth', label.copy(), label)])
    want = SPEC['degenerate']['rmse_perfect_prediction_one_of_4_pixels_255']
    assert evaluator.evaluate(1)['depth/rmse'] == want['correct_port']


@pytest.mark.parametrize('dataset', ['nyud', 'pascal'])
def test_normals_mean_error(dataset: str) -> None:
    predictions, labels = load(dataset, 'normals')
    ignored = (labels == 255).any(axis=1, keepdims=True)
    labels = np.where(ignored, 0, labels).astype(np.float32)
    evaluator = Evaluator(NormalsMetric())
    for prediction, label in zip(predictions, labels, strict=True):
        evaluator.process([make_sample('normals', prediction, label)])
    want = SPEC[dataset]['metrics']['normals']
    assert evaluator.evaluate(2)['normals/mean_err'] == pytest.approx(
        want['value'], abs=1e-4
    )
    assert (~ignored).sum() == want['n_valid']


def test_angle_of_a_zero_prediction() -> None:
    label = np.array([[0.0], [0.6], [-0.8]])
    want = SPEC['degenerate']['angle_of_zero_prediction']['official']
    assert angles(np.zeros((3, 1)), label) == pytest.approx(want, abs=1e-4)


def test_threshold_counts_of_saliency() -> None:
    logits, label = load('pascal', 'sal')
    want = SPEC['pascal']['metrics']['sal']
    valid = label[:, 0] != 255
    probability = torch.from_numpy(logits).softmax(dim=1)[:, 1].numpy()
    counts = threshold_counts(
        probability[valid],
        label[:, 0][valid],
        np.array(want['thresholds'], dtype=np.float32),
    )
    assert counts.tolist() == [
        want['true_positives'],
        want['predicted_positives'],
        want['actual_positives'],
    ]
    assert f_measure(counts, beta_squared=0.3).max() == pytest.approx(
        want['value'], rel=1e-6
    )
