"""The loaders on real views: do labels of one view agree in space?"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mmmtl.datasets import TaskonomyDataset
from tests.test_datasets.real_data import real_folder

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
]
# The annotated building scans have the key points in 3D only.
TASKS = ['depth', 'normals', 'reshading', 'edges2d']


def load(folder: Path, tmp_path: Path, view: str, **changes: object) -> dict:
    (tmp_path / 'one.txt').write_text(view)
    arguments = dict(
        split='one',
        split_root=tmp_path,
        layout='flat',
        tasks=TASKS,
        pipeline=PIPELINE,
    )
    return TaskonomyDataset(folder, **{**arguments, **changes})[0]['labels']


def points(depth: np.ndarray, field_of_view: float) -> np.ndarray:
    """Return the points a depth map sees, x right, y down, z forward."""
    height, width = depth.shape
    focal = width / 2 / math.tan(field_of_view / 2)
    x = (np.arange(width) + 0.5 - width / 2) / focal
    y = (np.arange(height) + 0.5 - height / 2) / focal
    rays = np.stack([*np.meshgrid(x, y), np.ones_like(depth)], -1)
    return rays * np.where(depth > 0, depth, np.nan)[..., None]


def angles(labels: dict, field_of_view: float, reach: int = 3) -> np.ndarray:
    """Return degrees between the normals and those of the depth map."""
    seen = points(labels['depth'], field_of_view)
    inner = slice(reach, -reach)
    across = seen[inner, 2 * reach :] - seen[inner, : -2 * reach]
    down = seen[2 * reach :, inner] - seen[: -2 * reach, inner]
    # y down x right is backward: to the camera.
    normal = np.cross(down, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    label = labels['normals'][inner, inner]
    length = np.linalg.norm(label, axis=-1)
    ok = (length > 0) & np.isfinite(normal).all(-1)
    cosine = (normal * label).sum(-1)[ok] / length[ok]
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_taskonomy_view(tmp_path: Path) -> None:
    folder = real_folder('taskonomy')
    name = 'point_202_view_5'
    info = folder / f'{name}_domain_point_info.json'
    view = json.loads(info.read_text())['field_of_view_rads']
    labels = load(folder, tmp_path, name, tasks=[*TASKS, 'keypoints2d'])
    found = angles(labels, view)
    assert found.size > 200_000
    assert np.median(found) < 2
    hole = labels['depth'] == 0
    assert 0.07 < hole.mean() < 0.08
    assert 0.5 < np.median(labels['depth'][~hole]) < 8
    assert labels['depth'].max() < 60
    np.testing.assert_array_equal((labels['normals'] == 0).all(-1), hole)
    np.testing.assert_array_equal(np.isnan(labels['reshading']), hole)
    bright = labels['reshading'][~hole]
    assert bright.min() < 0.02
    assert bright.max() == 1
    # Scaled to their own range, not to the 16 bits of the file.
    for task in ('keypoints2d', 'edges2d'):
        assert labels[task].max() == 1
        assert 0.05 < labels[task].mean() < 0.5


def test_normals_face_the_camera(tmp_path: Path) -> None:
    folder = real_folder('taskonomy')
    name = 'point_202_view_5'
    info = folder / f'{name}_domain_point_info.json'
    view = json.loads(info.read_text())['field_of_view_rads']
    labels = load(folder, tmp_path, name)
    towards = (points(labels['depth'], view) * labels['normals']).sum(-1)
    known = np.isfinite(towards)
    assert (towards[known] < 0).mean() > 0.99
    # A mirrored or swapped axis is far off.
    for broken in ([-1, 1, 1], [1, -1, 1], [1, 1, -1]):
        wrong = {**labels, 'normals': labels['normals'] * broken}
        assert np.median(angles(wrong, view)) > 5


@pytest.mark.parametrize(
    'name', ['point_0_view_3', 'point_7_view_1', 'point_12_view_1']
)
def test_views_with_depth_in_finer_steps(tmp_path: Path, name: str) -> None:
    labels = load(real_folder('hm3d'), tmp_path, name, depth_scale=4096)
    hole = labels['depth'] == 0
    assert 0 < hole.mean() < 0.01
    assert 0.5 < np.median(labels['depth'][~hole]) < 8
    # The field of view is not part of the sample: take the best one.
    found = [
        float(np.median(angles(labels, math.radians(view))))
        for view in range(30, 130, 5)
    ]
    assert min(found) < 3
    assert found.index(min(found)) not in (0, len(found) - 1)
    np.testing.assert_array_equal(np.isnan(labels['reshading']), hole)
    # Without normals there never is a depth.
    assert not ((labels['normals'] == 0).all(-1) & ~hole).any()
