"""The four protocols of saliency, each against a foreign reference."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmmtl.evaluation import SaliencyMetric
from tests.test_evaluation.metric_cases import (
    Pair,
    draw_edges,
    to_sample,
)

DATA = Path(__file__).parents[1] / 'data'
REAL = Path(os.environ.get('MMMTL_REAL_DATA', ''), 'saliency')


def scores(
    pairs: list[Pair], protocol: str = 'dataset', batch: int = 100
) -> dict[str, float]:
    metric = SaliencyMetric(protocol=protocol)
    samples = [to_sample('saliency', pair).to_dict() for pair in pairs]
    for start in range(0, len(samples), batch):
        metric.process(None, samples[start : start + batch])
    return metric.evaluate(len(samples))


def row(prediction: list[float], label: list[int]) -> Pair:
    return (
        np.array([[prediction]], dtype=np.float32),
        np.array([[label]], dtype=np.int64),
    )


def test_authors_value() -> None:
    """Recorded from yangyangxu0/DeMT at b638e14."""
    arrays = np.load(DATA / 'losses_metrics.npz')
    want = json.loads((DATA / 'losses_metrics.json').read_text())
    logits = torch.from_numpy(arrays['pascal/pred/sal'].astype(np.float32))
    prediction = logits.softmax(dim=1)[:, 1:].numpy()
    label = arrays['pascal/label/sal'].astype(np.int64)
    found = scores(list(zip(prediction, label, strict=True)))
    assert found['saliency/maxF'] == pytest.approx(
        100 * want['pascal']['metrics']['sal']['value'], rel=1e-6
    )


def test_convention_dataset_pools_pixels() -> None:
    """At 0.5: 1 hit of 2 predicted and 3 labelled.

    F = 1.3 * 1 / (0.3 * 3 + 2); at 0.1: 2 hits, 3 predicted:
    1.3 * 2 / (0.3 * 3 + 3) = 2/3. Errors 0.1 + 0.9 + 0 + 0.9 + 1 over 5.
    """
    found = scores(
        [
            row([0.9, 0.9, 0.0], [1, 0, 0]),
            row([0.1, 0.0, 0.9], [1, 1, 255]),
        ]
    )
    assert found['saliency/maxF'] == pytest.approx(100 * 2.6 / 3.9)
    assert found['saliency/mae'] == pytest.approx(2.9 / 5)


def test_convention_mti_net_averages_precision_and_recall() -> None:
    """Image 1: P = 1/2, R = 1; image 2 has no hit: P = 0, R = 0.

    Mean P = 1/4, mean R = 1/2: F = 2 * (1/8) / (3/4) = 1/3 at every
    threshold to 0.9. Errors: (0.1 + 0.9) / 2 and (0 + 1) / 2.
    """
    found = scores(
        [row([0.9, 0.9], [1, 0]), row([0.0, 0.0], [1, 0])], 'mti-net'
    )
    assert found['saliency/maxF'] == pytest.approx(100 / 3)
    assert found['saliency/mae'] == pytest.approx(0.5)


def test_mti_net_thresholds_end_at_0_9_and_start_at_0_2() -> None:
    """0.95 against 0.92 and 0.15 against 0.1 are not told apart."""
    for values in ([0.95, 0.92], [0.15, 0.1]):
        found = scores([row(values, [1, 0])], 'mti-net')
        want = 100 * 2 / 3 if values[0] > 0.9 else 0
        assert found['saliency/maxF'] == pytest.approx(want)


def test_convention_files_average_the_iou_of_images() -> None:
    """Image 1: 1 of 2, image 2 empty in both: 1, image 3 misses all: 0.

    At every threshold: (1/2 + 1 + 0) / 3. Mean P = (1/2 + 0 + 0) / 3, mean R
    = (1 + 0 + 0) / 3: F = 1.3 * (1/18) / (0.3 / 6 + 1/3). Errors of the
    stored 242 / 255 (0.95 * 255 = 242.25): mean over images.
    """
    pairs = [
        row([0.95, 0.95, 0.0], [1, 0, 255]),
        row([0.0, 0.0, 0.95], [0, 0, 255]),
        row([0.0, 0.0, 0.0], [1, 0, 0]),
    ]
    found = scores(pairs, 'mti-net-files')
    assert found['saliency/mIoU'] == pytest.approx(50)
    want = 1.3 / 18 / (0.05 + 1 / 3)
    assert found['saliency/maxF'] == pytest.approx(100 * want)
    assert found['saliency/mae'] == pytest.approx((1 / 2 + 0 + 1 / 3) / 3)


@pytest.mark.parametrize(
    ('value', 'salient'),
    [
        # 51 = 255 * 0.2 is not above 0.2, and 51.9 is stored as 51.
        (51 / 255, False),
        (51.9 / 255, False),
        (52 / 255, True),
    ],
)
def test_files_are_cut_to_bytes_and_compared_strictly(
    value: float, salient: bool
) -> None:
    found = scores([row([value, 0.0], [1, 0])], 'mti-net-files')
    assert found['saliency/mIoU'] == (100 if salient else 0)
    # The online protocol of the same code takes 0.2 itself.
    assert scores([row([0.2, 0.0], [1, 0])], 'mti-net')[
        'saliency/maxF'
    ] == pytest.approx(100)


def test_files_equal_the_released_steps() -> None:
    """Write and read a picture, then threshold by threshold."""
    rng = np.random.default_rng(3)
    pairs = [draw_edges(rng, 7 + i, 9) for i in range(5)]
    curves = []
    for prediction, label in pairs:
        picture = cv2.imencode('.png', (prediction[0] * 255).astype('u1'))[1]
        read = cv2.imdecode(picture, cv2.IMREAD_GRAYSCALE)[None]
        valid, truth = label != 255, label == 1
        for t in np.linspace(0.2, 0.9, 15):
            mask = (read.astype(float) / 255 > t + 1e-9) & valid
            both = (mask & truth).sum()
            curves.append(
                [
                    both / (mask | truth).sum(),
                    both / mask.sum(),
                    both / truth.sum(),
                ]
            )
    iou, p, r = np.reshape(curves, (5, 15, 3)).mean(0).T
    found = scores(pairs, 'mti-net-files')
    assert found['saliency/mIoU'] == pytest.approx(100 * iou.max())
    f = 1.3 * p * r / (0.3 * p + r)
    assert found['saliency/maxF'] == pytest.approx(100 * f.max())


def test_convention_sod_averages_f_of_stretched_maps() -> None:
    """0.2 and 0.4 become 0 and 1: F = 1. The second map: F = 0."""
    pairs = [row([0.4, 0.2], [1, 0]), row([0.3, 0.6], [0, 0])]
    found = scores(pairs, 'sod')
    assert found['saliency/maxF'] == pytest.approx(50)
    assert found['saliency/mae'] == pytest.approx(0.25)


@pytest.mark.parametrize('protocol', ['mti-net', 'mti-net-files', 'sod'])
def test_any_split_equals_the_whole(protocol: str) -> None:
    rng = np.random.default_rng(2)
    pairs = [draw_edges(rng, 7 + i, 9) for i in range(5)]
    assert scores(pairs, protocol, batch=2) == pytest.approx(
        scores(pairs, protocol), rel=1e-12
    )
    prediction, label = pairs[0]
    prediction[label == 255] = 1 - prediction[label == 255]
    assert scores(pairs, protocol, batch=5) == scores(
        [(prediction, label), *pairs[1:]], protocol
    )


def test_labels_without_a_salient_pixel_raise() -> None:
    with pytest.raises(ValueError, match='none of 2 labelled pixels is sal'):
        scores([row([0.5, 0.5], [0, 0])])


def test_unknown_protocol_is_refused() -> None:
    with pytest.raises(KeyError, match='mti'):
        SaliencyMetric(protocol='mti')


@pytest.mark.skipif(
    not REAL.is_dir() or 'MMMTL_REAL_DATA' not in os.environ,
    reason='MMMTL_REAL_DATA names no folder with saliency/',
)
def test_figures_of_an_established_toolbox() -> None:
    """Three real maps with the toolbox's published results."""
    table = json.loads((REAL / 'version_performance.json').read_text())
    pairs = []
    for path in sorted((REAL / 'test_data/masks').iterdir()):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        other = REAL / 'test_data/preds' / path.name
        map_ = cv2.imread(str(other), cv2.IMREAD_GRAYSCALE)
        label = (mask > 128).astype(np.int64)[None]
        pairs.append((np.float32(map_)[None] / 255, label))
    found = scores(pairs, 'sod')
    want = table['v1_4_3']
    assert found['saliency/maxF'] == pytest.approx(
        100 * want['maxFm'], abs=1e-6
    )
    assert found['saliency/mae'] == pytest.approx(want['MAE'], abs=1e-8)
