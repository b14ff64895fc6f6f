"""Boundaries between annotated objects."""

from __future__ import annotations

import numpy as np

from mmmtl.geometry import instance_boundaries


def test_line_lies_on_the_left_and_upper_side() -> None:
    labels = np.ones((4, 6), int)
    labels[2:, 3:] = 2
    found = instance_boundaries(labels, np.ones_like(labels))
    # Right, lower or lower right neighbour differs.
    expected = np.zeros((4, 6))
    expected[1, 2:] = 1
    expected[1:, 2] = 1
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8


def test_instances_of_one_class_are_apart() -> None:
    labels = np.full((3, 4), 7)
    instances = np.array([[1, 1, 2, 2]] * 3)
    found = instance_boundaries(labels, instances)
    np.testing.assert_array_equal(found, [[0, 1, 0, 0]] * 3)


def test_instance_numbers_of_two_classes_do_not_mix() -> None:
    # (1, 2) and (2, 0) would collide if the pair were added up.
    labels = np.array([[1, 1, 2, 2]])
    instances = np.array([[2, 2, 0, 0]])
    found = instance_boundaries(labels, instances)
    np.testing.assert_array_equal(found, [[0, 1, 0, 0]])


def test_unlabelled_gap_gives_one_contour() -> None:
    labels = np.array([[1, 1, 1, 0, 0, 2, 2, 2]] * 5)
    found = instance_boundaries(labels, (labels > 0).astype(int))
    assert found.sum(axis=1).tolist() == [1] * 5
    assert found[:, 3].all()  # the middle of the gap


def test_nothing_annotated() -> None:
    nothing = np.zeros((3, 3), int)
    assert not instance_boundaries(nothing, nothing).any()
