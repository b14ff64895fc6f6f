"""The scores, on counts small enough for arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mmmtl.evaluation.functional.boundary import (
    best_counts,
    boundary_scores,
    even_thresholds,
    image_counts,
    protocol_thresholds,
    to_grey,
)

# Rows: matched labels, labels, matched predictions, predictions.
COUNTS = np.array([[8, 4], [10, 10], [8, 4], [40, 4]])


def test_convention_f_is_interpolated_between_thresholds() -> None:
    """(R, P) goes from (0.8, 0.2) to (0.4, 1).

    With d from 0 to 1: R = 0.8 - 0.4 d, P = 0.2 + 0.8 d, their sum 1 + 0.4 d.
    F = 2 (0.16 + 0.56 d - 0.32 d^2) / (1 + 0.4 d): 0.32 at d = 0, 4/7 = 0.571
    at d = 1, and its derivative is 0 where 0.128 d^2 + 0.64 d = 0.496:
    d = 0.6820, F = 0.6177.
    """
    found = boundary_scores(
        COUNTS, best_counts(COUNTS), np.array([0.25, 0.75])
    )
    assert found.ods_f == pytest.approx(0.6177, abs=1e-4)
    assert found.ods_threshold == pytest.approx(0.25 + 0.5 * 0.6820, abs=0.003)
    assert found.ods_recall == pytest.approx(0.8 - 0.4 * 0.6820, abs=0.003)
    assert found.ods_precision == pytest.approx(0.2 + 0.8 * 0.6820, abs=0.006)
    # At the image's own threshold nothing is interpolated.
    assert found.ois_f == pytest.approx(4 / 7)


def test_convention_ap_is_zero_outside_of_the_measured_recalls() -> None:
    """Recalls 0.40 to 0.80 are 41 points of mean precision (1 + 0.2) / 2."""
    found = boundary_scores(
        COUNTS, best_counts(COUNTS), np.array([0.25, 0.75])
    )
    assert found.ap == pytest.approx(41 * 0.6 / 100)


def test_convention_ap_of_equal_recalls_takes_the_lowest_threshold() -> None:
    counts = np.array([[8, 4, 4], [10] * 3, [8, 4, 4], [40, 8, 4]])
    found = boundary_scores(
        counts, best_counts(counts), np.array([0.2, 0.4, 0.6])
    )
    # Precision 0.5 at recall 0.4, and not 1: mean 0.35.
    assert found.ap == pytest.approx(41 * 0.35 / 100)


def test_convention_ois_takes_each_image_at_its_best() -> None:
    """Image 1 is best at the first threshold, image 2 at the second."""
    first = np.array([[6, 1], [6, 6], [6, 1], [6, 1]])
    second = np.array([[2, 2], [4, 4], [2, 2], [20, 2]])
    best = best_counts(first) + best_counts(second)
    assert best.tolist() == [8, 10, 8, 8]
    found = boundary_scores(first + second, best, np.array([0.3, 0.6]))
    assert found.ois_f == pytest.approx(2 * 0.8 * 1 / 1.8)
    assert found.ods_f < found.ois_f


def test_of_equally_good_thresholds_the_highest_counts() -> None:
    counts = np.array([[1, 1, 0], [2, 2, 2], [1, 1, 0], [2, 2, 0]])
    counts[:, 1] *= 10
    assert best_counts(counts).tolist() == [10, 20, 10, 20]


def test_one_threshold() -> None:
    found = boundary_scores(
        COUNTS[:, :1], best_counts(COUNTS[:, :1]), np.array([0.5])
    )
    assert found.ods_f == found.ois_f == pytest.approx(0.32)
    assert found.ap == 0


def test_no_prediction_at_all_is_zero() -> None:
    counts = np.array([[0, 0], [9, 9], [0, 0], [0, 0]])
    found = boundary_scores(counts, best_counts(counts), np.array([0.1, 0.2]))
    assert (found.ods_f, found.ois_f, found.ap) == (0, 0, 0)


def test_labels_without_a_boundary_are_refused() -> None:
    counts = np.array([[0], [0], [0], [7]])
    with pytest.raises(ValueError, match='no pixel of the ground truth'):
        boundary_scores(counts, best_counts(counts), np.array([0.5]))


@pytest.mark.parametrize('number', [5, 99])
def test_thresholds_are_exact_fractions(number: int) -> None:
    found = even_thresholds(number)
    assert found.tolist() == [k / (number + 1) for k in range(1, number + 1)]


def test_convention_a_pixel_equal_to_the_threshold_is_no_boundary() -> None:
    """51 / 255 = 0.2 and 102 / 255 = 0.4 exactly."""
    strength = np.array([[51, 0, 102, 0, 0]]) / 255
    counts = image_counts(
        strength,
        [np.zeros((1, 5), dtype=bool)],
        thresholds=even_thresholds(4),
        max_dist=0.1,
        nms=False,
    )
    assert counts[3].tolist() == [1, 0, 0, 0]


def test_convention_pictures_are_cut_off_not_rounded() -> None:
    found = to_grey(np.array([-0.1, 0.2, 0.999, 1.0, 3.0], np.float32))
    assert found.tolist() == [0, 51, 254, 255, 255]


@pytest.mark.parametrize('thin', [True, False])
@pytest.mark.parametrize('thin_labels', [True, False])
def test_without_thinning_every_pixel_counts(
    thin: bool, thin_labels: bool
) -> None:
    """A bar of 3 x 9 has 27 pixels; thinned, its middle row less an end."""
    strength = np.zeros((9, 15))
    strength[3:6, 3:12] = 1
    counts = image_counts(
        strength,
        [strength > 0],
        thresholds=even_thresholds(1),
        max_dist=0.01,
        nms=False,
        thin=thin,
        thin_labels=thin_labels,
    )[:, 0]
    assert counts[1] == (7 if thin_labels else 27)
    assert counts[3] == (7 if thin else 27)
    assert counts[0] == counts[2] == min(counts[1], counts[3])


def test_convention_labels_are_thinned_unless_told_otherwise() -> None:
    """Every annotator's; a label that is thin stays as it is."""
    staircase = np.zeros((12, 12), bool)
    steps = np.arange(2, 9)
    staircase[steps, steps] = staircase[steps, steps + 1] = True
    line = np.zeros((12, 12), bool)
    line[steps, 10] = True
    counts = image_counts(
        np.zeros((12, 12)),
        [staircase, line],
        thresholds=even_thresholds(1),
        max_dist=0.1,
        nms=False,
    )
    # 14 pixels of the staircase become 8, from one end to the other.
    assert counts[1].tolist() == [8 + 7]


def test_convention_seism_has_101_thresholds() -> None:
    found = protocol_thresholds('seism')
    assert found.tolist() == [0.001, *(k / 100 for k in range(1, 100)), 0.999]
    berkeley = protocol_thresholds('berkeley')
    assert berkeley.tolist() == [k / 100 for k in range(1, 100)]
    for protocol in ('seism', 'berkeley'):
        assert protocol_thresholds(protocol, 3).tolist() == [0.25, 0.5, 0.75]


def test_convention_f_at_a_threshold_where_nothing_is_interpolated() -> None:
    """Of F = 0.32 and 4 / 7 the larger, though 0.6177 lies between."""
    found = boundary_scores(
        COUNTS,
        best_counts(COUNTS),
        np.array([0.25, 0.75]),
        interpolate=False,
    )
    assert found.ods_f == pytest.approx(4 / 7)
    assert (found.ods_threshold, found.ods_recall) == (0.75, 0.4)
    assert found.ods_precision == 1


def test_convention_annotators_share_the_predicted_pixels() -> None:
    """Three predicted pixels; one annotator has the first, two the second.

    Recall counts every annotator's pixels: 3 of 4 labels. Precision counts a
    predicted pixel once: 2 of 3.
    """
    strength = np.zeros((3, 40))
    strength[1, [5, 15, 25]] = 1
    labels = np.zeros((3, 3, 40), dtype=bool)
    labels[0, 1, 5] = labels[1, 1, 15] = labels[2, 1, 15] = True
    labels[2, 1, 35] = True
    counts = image_counts(
        strength,
        labels,
        thresholds=even_thresholds(1),
        max_dist=0.03,
        nms=False,
    )
    assert counts[:, 0].tolist() == [3, 4, 2, 3]
