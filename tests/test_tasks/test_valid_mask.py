from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mmmtl.tasks import TASKS, get_task

NAN, INF = float('nan'), float('inf')
CASES = {
    # One pixel each; True where it counts as labelled.
    'semseg': [(0, True), (254, True), (255, False)],
    'human_parts': [(0, True), (6, True), (255, False)],
    'edge': [(0, True), (1, True), (255, False)],
    'saliency': [(0, True), (1, True), (255, False)],
    'depth': [
        *((0.5, True), (255.0, True), (0.0, False)),
        *((-1.0, False), (INF, False), (NAN, False)),
    ],
    'reshading': [(0.0, True), (1.0, True), (NAN, False)],
    'keypoints2d': [(0.0, True), (1.0, True), (NAN, False)],
    'edges2d': [(0.0, True), (1.0, True), (NAN, False)],
}
LIBRARIES = pytest.mark.parametrize('array', [torch.tensor, np.array])


@LIBRARIES
@pytest.mark.parametrize('task', CASES)
def test_pixels(task: str, array: Callable[..., Any]) -> None:
    values, want = zip(*CASES[task], strict=True)
    mask = get_task(task).kind.valid(array([[list(values)]]))
    assert mask.shape == (1, 1, len(values))
    assert mask.tolist() == [[list(want)]]


@LIBRARIES
def test_a_normal_with_zero_components_is_a_label(
    array: Callable[..., Any],
) -> None:
    # Pixels: facing the camera, to the right, none.
    label = array([[[0.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]], [[-1.0, 0.0, 0.0]]])
    mask = get_task('normals').kind.valid(label)
    assert mask.tolist() == [[[True, True, False]]]


@LIBRARIES
def test_a_batch_keeps_its_axes(array: Callable[..., Any]) -> None:
    label = array(np.ones((2, 3, 4, 5), np.float32))
    label[1, :, 2, 3] = 0
    mask = get_task('normals').kind.valid(label)
    assert mask.shape == (2, 1, 4, 5)
    assert int(mask.sum()) == 39
    assert not mask[1, 0, 2, 3]


def test_the_libraries_agree() -> None:
    rng = np.random.default_rng(0)
    for task, row in TASKS.items():
        kind = row.kind
        label = rng.integers(0, 2, (kind.components, 6, 7))
        label = label.astype(np.float32) * 2 - 1
        label[:, rng.random((6, 7)) < 0.5] = kind.no_label
        from_numpy = kind.valid(label)
        from_torch = kind.valid(torch.from_numpy(label)).numpy()
        assert (from_numpy == from_torch).all(), task
        assert isinstance(from_numpy, np.ndarray), task
        assert from_numpy.any(), task
        assert not from_numpy.all(), task
