"""In-painted depth scaled to the farthest that was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets.transforms import (
    LoadRawDepth,
    MultiTaskRandomRotate,
    ScaleDepthToRaw,
)
from mmmtl.datasets.transforms.raw_depth import rescale_depth
from mmmtl.datasets.transforms.rotate import rotate_label
from mmmtl.errors import DatasetError
from mmmtl.tasks import get_task


def test_both_maxima_are_of_clipped_maps() -> None:
    """In-painted 12 m counts as 10, measured 8 m: times 0.8."""
    depth = np.float32([[12.0, 5.0, 0.0]])
    measured = np.float32([[0.0, 8.0, 1.0]])
    found = rescale_depth(depth, measured, max_depth=10.0)
    np.testing.assert_allclose(found, [[8.0, 4.0, 0.0]], rtol=1e-6)


def test_maxima_are_of_the_box_and_all_is_scaled() -> None:
    """Left, top, right, bottom: the middle column, 2 of 4."""
    depth = np.float32([[9.0, 4.0, 8.0]])
    measured = np.float32([[9.0, 2.0, 9.0]])
    found = rescale_depth(depth, measured, max_depth=10.0, box=(1, 0, 2, 1))
    np.testing.assert_allclose(found, [[4.5, 2.0, 4.0]], rtol=1e-6)


def test_without_a_measurement_nothing_is_known() -> None:
    depth = np.float32([[4.0, 2.0]])
    assert not rescale_depth(depth, depth * 0, max_depth=10.0).any()
    assert not rescale_depth(depth * 0, depth, max_depth=10.0).any()


def sample(folder: Path, depth: np.ndarray, measured: np.ndarray) -> dict:
    (folder / 'depth_raw').mkdir()
    stored = np.round(measured * 1000).astype(np.uint16)
    Image.fromarray(stored).save(folder / 'depth_raw/0007.png')
    return dict(
        img=np.zeros((*depth.shape, 3), np.uint8),
        labels=dict(depth=depth),
        label_paths=dict(depth=str(folder / 'depth/0007.npy')),
    )


def test_the_measured_map_turns_with_the_label(tmp_path: Path) -> None:
    """Its farthest pixel leaves the picture, so it does not count."""
    measured = np.full((21, 31), 2.0, np.float32)
    measured[0, 0] = 9.0
    depth = np.full((21, 31), 4.0, np.float32)
    results = LoadRawDepth()(sample(tmp_path, depth, measured))
    assert results['labels']['depth'].shape == (21, 31, 2)
    turned = MultiTaskRandomRotate(degrees=10).apply(results, 10.0)
    found = ScaleDepthToRaw(max_depth=10.0)(turned)['labels']['depth']
    want = rotate_label(depth, get_task('depth').kind, 10.0) / 2
    assert (want == 0).any()
    np.testing.assert_allclose(found, want, rtol=1e-6)


def test_samples_without_depth_pass(tmp_path: Path) -> None:
    """Tasks without depth, and pictures without labels."""
    scale = ScaleDepthToRaw(max_depth=10.0)
    assert scale({}) == {}
    results = dict(labels={}, label_paths={})
    assert scale(LoadRawDepth()(results)) == results


def test_a_folder_without_the_maps_is_refused(tmp_path: Path) -> None:
    depth = np.ones((2, 2), np.float32)
    results = sample(tmp_path, depth, depth)
    (tmp_path / 'depth_raw/0007.png').unlink()
    with pytest.raises(DatasetError, match=r'depth_raw/0007.* --full-frame'):
        LoadRawDepth()(results)
