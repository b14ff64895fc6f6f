"""What each metric averages over, pinned on small derived numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmmtl.evaluation import (
    BinaryMetric,
    DepthErrorMetric,
    HeatMapMetric,
    NormalsMetric,
    PixelEdgeMetric,
    SegmentationMetric,
)
from mmmtl.evaluation.functional import angle_histogram, histogram_median
from mmmtl.evaluation.metrics import BaseTaskMetric
from tests.test_evaluation.metric_cases import to_sample


def scores(
    metric: BaseTaskMetric, *pairs: tuple[list, list]
) -> dict[str, float]:
    """Evaluate maps of one row and one channel."""
    kind = metric.row.kind
    dtype = np.float32 if kind.pred_dtype.is_floating_point else np.int64
    label_dtype = np.float32 if kind.dtype.is_floating_point else np.int64
    for prediction, label in pairs:
        sample = to_sample(
            metric.task,
            (
                np.array([[prediction]], dtype=dtype),
                np.array([[label]], dtype=label_dtype),
            ),
        )
        metric.process(None, [sample.to_dict()])
    return metric.evaluate(len(pairs))


def test_convention_rmse_pools_pixels() -> None:
    """Image 1: one valid pixel, error 2. Image 2: three, error 1 each.

    Pooled: sqrt((4 + 1 + 1 + 1) / 4) = sqrt(7) / 2 = 1.3229, where the mean
    of the images' own errors would be (2 + 1) / 2 = 1.5.
    """
    found = scores(
        DepthErrorMetric(), ([3, 9, 9], [1, 0, 0]), ([2, 3, 4], [1, 2, 3])
    )
    assert found['depth/rmse'] == pytest.approx(7**0.5 / 2)


def test_convention_negative_depth_counts_as_zero() -> None:
    """-5 becomes 0: error 2, ratio 0.001 / 2."""
    found = scores(DepthErrorMetric(), ([-5.0], [2.0]))
    assert found['depth/rmse'] == 2
    assert found['depth/rmse_log'] == pytest.approx(np.log(2000))
    assert found['depth/delta3'] == 0


@pytest.mark.parametrize('label', [0.0, -1.0, np.nan, np.inf])
def test_convention_depth_is_valid_where_finite_and_positive(
    label: float,
) -> None:
    found = scores(DepthErrorMetric(), ([1.5, 7], [1, label]))
    assert found['depth/rmse'] == 0.5


def test_convention_deltas_are_percent() -> None:
    """Ratios 1.2, 1.5, 1.9, 2.5 against 1.25, 1.5625, 1.953."""
    found = scores(DepthErrorMetric(), ([1.2, 1.5, 1.9, 2.5], [1, 1, 1, 1]))
    assert [found[f'depth/delta{i}'] for i in (1, 2, 3)] == [25, 50, 75]


def test_convention_empty_class() -> None:
    """Class 0: IoU 1. Class 1: 1/2. Class 2 in neither: 0 or left out.

    Class 3 is predicted once and never labelled: IoU 0, recall 0/0.
    """
    pair = ([0, 1, 3], [0, 1, 1])
    zero = scores(SegmentationMetric(num_classes=4), pair)
    assert zero['semseg/mIoU'] == pytest.approx(100 * 1.5 / 4)
    assert zero['semseg/mAcc'] == pytest.approx(100 * 1.5 / 4)
    skip = scores(
        SegmentationMetric(num_classes=4, empty_classes='skip'), pair
    )
    assert skip['semseg/mIoU'] == pytest.approx(100 * 1.5 / 3)
    assert skip['semseg/mAcc'] == pytest.approx(100 * 1.5 / 2)
    assert zero['semseg/aAcc'] == pytest.approx(100 * 2 / 3)


def test_convention_iou_pools_pixels() -> None:
    """Class 0 over both images: 1 of 4 pixels; per image 1 and 0."""
    found = scores(
        SegmentationMetric(num_classes=2, per_class=True),
        ([0, 1], [0, 1]),
        ([1, 1, 1], [0, 0, 0]),
    )
    assert found['semseg/IoU.0'] == 25
    assert found['semseg/IoU.1'] == 25
    assert found['semseg/mIoU'] == 25


def test_class_names_come_from_the_data_set() -> None:
    metric = SegmentationMetric(per_class=True)
    metric.dataset_meta = dict(classes=('wall', 'floor'))
    found = scores(metric, ([0, 1], [0, 0]))
    assert found['semseg/IoU.wall'] == 50
    assert found['semseg/IoU.floor'] == 0


def test_unknown_number_of_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"METAINFO\['human_parts_classes'\]"):
        scores(SegmentationMetric(task='human_parts'), ([0], [0]))


def test_contradicting_number_of_classes_is_refused() -> None:
    metric = SegmentationMetric(num_classes=3)
    metric.dataset_meta = dict(classes=('wall', 'floor'))
    with pytest.raises(ValueError, match=r'num_classes=3, but .* names 2'):
        scores(metric, ([0], [0]))


@pytest.mark.parametrize(
    ('prediction', 'label', 'side'),
    [(2, 0, 'prediction'), (0, 2, 'label'), (0, -1, 'label')],
)
def test_class_id_outside_the_table_is_refused(
    prediction: int, label: int, side: str
) -> None:
    with pytest.raises(ValueError, match=f'{side} holds class ids'):
        scores(SegmentationMetric(num_classes=2), ([prediction], [label]))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(task='depth'), "'depth' is of kind 'depth': Segment"),
        (dict(task='semsge'), "did you mean 'semseg'"),
        (dict(empty_classes='nan'), "give 'zero' or 'skip'"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SegmentationMetric(**options)


def test_convention_angle_is_exact_near_0_and_180() -> None:
    """A turn of 0.01 degrees, of which the arc cosine in float32 sees 0."""
    turn = np.radians(0.01)
    label = np.zeros((3, 1, 2), dtype=np.float32)
    label[2] = -1
    prediction = np.zeros((3, 1, 2), dtype=np.float32)
    prediction[0] = 5 * np.sin(turn)
    prediction[2] = 5 * np.cos(turn) * np.array([-1, 1])
    metric = NormalsMetric()
    metric.process(None, [to_sample('normals', (prediction, label)).to_dict()])
    found = metric.evaluate(1)
    assert found['normals/mean_err'] == pytest.approx(90, abs=1e-6)
    assert found['normals/rmse'] == pytest.approx(
        np.sqrt((0.01**2 + 179.99**2) / 2), abs=1e-6
    )
    assert found['normals/within_11.25'] == 50


@pytest.mark.parametrize('number', [1, 2, 1001])
def test_median_is_within_a_bin(number: int) -> None:
    degrees = np.sort(np.random.default_rng(3).uniform(0, 180, number))
    found = histogram_median(angle_histogram(degrees))
    assert found > degrees[(number - 1) // 2] - 0.05
    assert found < degrees[number // 2] + 0.05


def test_median_of_many_angles() -> None:
    """Interpolation in the bin does better than the bin's width, 0.05."""
    degrees = np.random.default_rng(3).gamma(2, 10, 400_000).clip(0, 180)
    found = histogram_median(angle_histogram(degrees))
    assert found == pytest.approx(np.median(degrees), abs=0.005)


def test_opposite_normals_are_in_the_last_bin() -> None:
    histogram = angle_histogram(np.array([180.0, 179.99, 179.94]))
    assert len(histogram) == 180 / 0.05
    assert histogram[-2:].tolist() == [1, 2]


def test_convention_edge_counts_are_pooled() -> None:
    """At 0.5: 1 hit, 2 predicted, 3 labelled: F = 2 * 1 / (2 + 3) = 0.4.

    At 0.1 the prediction of 0.1 counts as well (>=): 2 * 2 / (3 + 3) = 2/3.
    """
    found = scores(
        PixelEdgeMetric(),
        ([0.9, 0.9, 0.0], [1, 0, 0]),
        ([0.1, 0.0, 0.9], [1, 1, 255]),
    )
    assert found['edge/pixelF'] == pytest.approx(100 * 2 / 3)


def test_edge_labels_without_an_edge_raise() -> None:
    with pytest.raises(ValueError, match='none of 2 labelled pixels'):
        scores(PixelEdgeMetric(), ([0.9, 0.1], [0, 0]))


def test_convention_depth_average_over_images() -> None:
    """Errors 2, and 1 1 1: mean of the images 1.5, of the pixels 5/4."""
    pairs = ([3, 9, 9], [1, 0, 0]), ([2, 3, 4], [1, 2, 3])
    pooled = scores(DepthErrorMetric(), *pairs)
    images = scores(DepthErrorMetric(average='images'), *pairs)
    assert pooled['depth/abs_err'] == pytest.approx(5 / 4)
    assert images['depth/abs_err'] == pytest.approx(1.5)
    assert images['depth/rmse'] == pytest.approx(1.5)
    # Relative: 2, and the mean of 1, 1/2, 1/3.
    assert images['depth/abs_rel'] == pytest.approx((2 + 11 / 18) / 2)


def test_convention_inverse_depth_average() -> None:
    """Errors per metre: 1/2 of 1; 0 of 1/4, 0 of 1/8 and 3/4 of 13/4."""
    pairs = ([2, 9, 9], [1, 0, 0]), ([4, 8, 1 / 4], [4, 8, 4 / 13])
    pooled = scores(DepthErrorMetric(inverse=True), *pairs)
    images = scores(DepthErrorMetric(average='images', inverse=True), *pairs)
    assert pooled['depth/inv_abs_err'] == pytest.approx((1 / 2 + 3 / 4) / 4)
    assert images['depth/inv_abs_err'] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert pooled['depth/inv_abs_rel'] == pytest.approx((1 / 2 + 3 / 13) / 4)
    assert images['depth/inv_abs_rel'] == pytest.approx((1 / 2 + 1 / 13) / 2)


def test_convention_inverse_depth_is_clamped_at_ten_centimetres() -> None:
    """|10 - 1/2| per metre, whatever is predicted from 10 cm down."""
    for nearest in (0.1, 0.01, 0.0, -3.0):
        found = scores(DepthErrorMetric(inverse=True), ([nearest], [2]))
        assert found['depth/inv_abs_err'] == pytest.approx(9.5)
        assert found['depth/inv_abs_rel'] == pytest.approx(19)


@pytest.mark.parametrize('average', ['pixels', 'images'])
def test_inverse_depth_beyond_the_limit_is_left_out(average: str) -> None:
    metric = DepthErrorMetric(average=average, max_depth=80, inverse=True)
    found = scores(metric, ([2.0, 1.0], [1, 80]), ([1.0], [90]))
    assert found['depth/inv_abs_err'] == 0.5
    assert metric.reports[-2:] == ('inv_abs_err', 'inv_abs_rel')
    assert 'inv_abs_err' not in DepthErrorMetric().reports


@pytest.mark.parametrize('average', ['pixels', 'images'])
def test_depth_beyond_the_limit_is_left_out(average: str) -> None:
    """80 m itself is out; the second image has no pixel left."""
    metric = DepthErrorMetric(average=average, max_depth=80)
    found = scores(metric, ([2.0, 9.0], [1, 80]), ([9.0], [90]))
    assert found['depth/abs_err'] == 1
    metric = DepthErrorMetric(average=average, max_depth=80)
    with pytest.raises(ValueError, match='beyond max_depth=80'):
        scores(metric, ([9.0], [90]))


def test_convention_heat_map_pools_pixels() -> None:
    """Errors 0.5, and 0.1 three times: 0.8 / 4; NaN has no label."""
    found = scores(
        HeatMapMetric(task='reshading'),
        ([0.5, 9], [0.0, np.nan]),
        ([0.1, 0.2, -0.1], [0, 0.1, 0]),
    )
    assert found['reshading/mae'] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: HeatMapMetric(task='depth'), 'HeatMapMetric measures Scalar'),
        (lambda: BinaryMetric(task='semseg'), 'BinaryMetric measures Binary'),
        (lambda: DepthErrorMetric(average='all'), "average='all'"),
    ],
)
def test_bad_options_of_other_metrics_are_refused(
    make: Callable[[], BaseTaskMetric], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()
