"""Replica and CocoDoom: what differs from Taskonomy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets import CocoDoomDataset, ReplicaDataset
from mmmtl.datasets.taskonomy.dataset import TaskonomyLayoutDataset
from mmmtl.errors import DatasetError
from tests.test_datasets.taskonomy_folder import (
    DOMAINS,
    SIZE,
    holes,
    stored_arrays,
)
from tests.test_datasets.test_taskonomy.test_dataset import PIPELINE

TASKS = ['semseg', 'depth', 'normals', 'reshading', 'keypoints2d', 'edges2d']
VIEW = 'room_0/point_3_view_1'


def write(root: Path, component: str, semseg: np.ndarray) -> Path:
    """Write one view; the class ids go where the component has them."""
    for name, array in stored_arrays().items():
        domain, spelling = DOMAINS[name]
        if name == 'semseg':
            array = semseg
            if component == 'replica':
                domain = spelling = 'semantic'
        path = root / f'{domain}/{component}/{VIEW}_domain_{spelling}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)
    (root / 'splits').mkdir(exist_ok=True)
    (root / 'splits/train.txt').write_text(VIEW)
    return root


def panoptic(ids: np.ndarray) -> np.ndarray:
    """Return class ids in red and an instance in green and blue."""
    return np.stack([ids, ids // 3, ids + 7], -1).astype(np.uint8)


def make(
    cls: type[TaskonomyLayoutDataset], root: Path, **changes: object
) -> TaskonomyLayoutDataset:
    arguments = dict(
        split='train', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )
    return cls(root, **{**arguments, **changes})


def test_replica_has_classes_in_red(tmp_path: Path) -> None:
    ids = np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) % 102
    ids[-1] = 255
    write(tmp_path, 'replica', panoptic(ids))
    sample = make(ReplicaDataset, tmp_path)[0]['data_samples']
    wanted = np.where((ids == 0) | (ids == 255), 255, ids - 1)
    np.testing.assert_array_equal(sample.get_gt('semseg')[0], wanted)
    metres = sample.get_gt('depth')[0].numpy()
    assert metres[0, 1] == stored_arrays()['depth'][0, 1] / 512
    assert all(sample.has_gt(task) for task in TASKS)


def test_replica_classes() -> None:
    classes = ReplicaDataset.METAINFO['classes']
    assert len(set(classes)) == len(ReplicaDataset.METAINFO['palette']) == 101
    # The last four ids were added after the alphabetical ones.
    assert classes[-5:] == ('window', 'rug', 'logo', 'bag', 'set-of-clothing')


def test_replica_refuses_pictures_of_colours(tmp_path: Path) -> None:
    """Annotated samples show colours in place of ids: red above 101."""
    ids = np.full(SIZE, 102)
    write(tmp_path, 'replica', panoptic(ids))
    with pytest.raises(DatasetError, match='holds 102') as caught:
        make(ReplicaDataset, tmp_path)[0]
    assert 'stored as 1 to 101' in str(caught.value)
    write(tmp_path, 'replica', np.zeros(SIZE, np.uint8))
    with pytest.raises(DatasetError, match='class id in red'):
        make(ReplicaDataset, tmp_path)[0]


def test_cocodoom_depth_and_classes(tmp_path: Path) -> None:
    names = tmp_path / 'classes.txt'
    names.write_text('background\nPLAYER\nCHAIN GUY\n')
    ids = np.zeros(SIZE, np.uint8)
    ids[0, :3] = 1, 2, 3
    write(tmp_path, 'cocodoom', ids)
    metainfo = dict(classes=str(names))
    dataset = make(CocoDoomDataset, tmp_path, metainfo=metainfo)
    assert dataset.metainfo['classes'] == ['background', 'PLAYER', 'CHAIN GUY']
    sample = dataset[0]['data_samples']
    semseg = sample.get_gt('semseg')[0]
    assert semseg[0, :4].tolist() == [0, 1, 2, 255]
    # 64 steps per map unit, 32 map units per metre.
    depth = stored_arrays()['depth'].astype(float) / 64 / 32
    depth[holes()] = 0
    np.testing.assert_allclose(sample.get_gt('depth')[0], depth, rtol=1e-6)
    ids[0, 0] = 4
    write(tmp_path, 'cocodoom', ids)
    with pytest.raises(DatasetError, match='holds 4, but the 3 classes'):
        dataset[0]
