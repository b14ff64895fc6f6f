"""Taskonomy: layouts, encodings, holes, and which files are read."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets import TaskonomyDataset
from mmmtl.datasets.taskonomy.layout import LAYOUTS
from mmmtl.errors import DatasetError
from tests.test_datasets.taskonomy_folder import (
    DOMAINS,
    HOLE,
    SIZE,
    holes,
    path_of,
    stored_arrays,
    write_file,
    write_taskonomy,
)

TASKS = ['semseg', 'depth', 'normals', 'reshading', 'keypoints2d', 'edges2d']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
VIEW = 'adams/point_7_view_0'
PARTIAL = dict(allow_missing_labels=True)


def make(root: Path, **changes: object) -> TaskonomyDataset:
    # Serialising collects garbage, half a second each time.
    arguments = dict(
        split='train', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )
    return TaskonomyDataset(root, **{**arguments, **changes})


def message_of(root: Path, **changes: object) -> str:
    with pytest.raises(DatasetError) as caught:
        make(root, **changes)[0]
    text = str(caught.value)
    assert '\n' not in text
    return text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_taskonomy(tmp_path)


@pytest.mark.parametrize('serialize', [True, False])
def test_sample_holds_what_was_written(root: Path, serialize: bool) -> None:
    dataset = make(root, serialize_data=serialize)
    assert len(dataset) == 2
    packed = dataset[1]
    stored, hole = stored_arrays(), holes()
    bgr = stored['image'][..., ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(packed['inputs'], bgr)
    sample = packed['data_samples']
    assert sample.sample_id == VIEW
    gt = {task: sample.get_gt(task).numpy() for task in TASKS}
    semseg = stored['semseg'].astype(int) - 1
    np.testing.assert_array_equal(
        gt['semseg'][0], np.where(semseg < 0, 255, semseg)
    )
    depth = np.where(hole, 0, stored['depth'].astype(float) / 512)
    np.testing.assert_allclose(gt['depth'][0], depth, rtol=1e-6)
    assert depth.max() > 64  # beyond the range of signed 16 bits
    normals = stored['normals'] * (2 / 255) - 1
    normals[hole] = 0
    np.testing.assert_allclose(
        gt['normals'], normals.transpose(2, 0, 1), atol=1e-6
    )
    reshading = np.where(hole, np.nan, stored['reshading'][..., 0] / 255)
    np.testing.assert_allclose(gt['reshading'][0], reshading, atol=1e-6)
    for task, clip in (('keypoints2d', 0.005), ('edges2d', 0.08)):
        heat = stored[task] / 65535 / clip
        np.testing.assert_allclose(gt[task][0], np.minimum(heat, 1), rtol=1e-5)
        assert heat.max() > 1  # some of it is clipped


def test_grey_of_a_hole_elsewhere_is_a_label(root: Path) -> None:
    """13 of 255 is what holes are filled with, and also a dark surface."""
    grey = stored_arrays()['reshading']
    grey[0, 0] = 13
    write_file(root, 'reshading', VIEW, grey)
    label = make(root, tasks=['reshading'])[1]['data_samples']
    label = label.get_gt('reshading')[0]
    assert label[0, 0].item() == pytest.approx(13 / 255)
    assert label[HOLE].isnan().all()


@pytest.mark.parametrize(
    ('scale', 'keypoints', 'edges'),
    [
        ('taskonomy', 655.35 / 65535 / 0.005, 1.0),
        ('multimae', 655 / 65535, 13107 / 65535 / 0.25),
        ('full', 655 / 65535, 13107 / 65535),
    ],
)
def test_heat_map_scales(
    root: Path, scale: str, keypoints: float, edges: float
) -> None:
    for task, value in (('keypoints2d', 655), ('edges2d', 13107)):
        array = np.full(SIZE, value, np.uint16)
        write_file(root, task, 'adams/point_0_view_1', array)
    sample = make(root, heat_map_scale=scale)[0]['data_samples']
    found = sample.get_gt('keypoints2d')[0, 0, 0].item()
    assert found == pytest.approx(min(keypoints, 1), rel=1e-3)
    found = sample.get_gt('edges2d')[0, 0, 0].item()
    assert found == pytest.approx(edges, rel=1e-5)


def test_holes_can_be_widened(root: Path) -> None:
    sample = make(root, hole_margin=2)[0]['data_samples']
    wide = np.zeros(SIZE, bool)
    wide[0:6, 3:11] = True
    np.testing.assert_array_equal(sample.get_gt('depth')[0] == 0, wide)
    np.testing.assert_array_equal(sample.get_gt('reshading')[0].isnan(), wide)
    np.testing.assert_array_equal(
        (sample.get_gt('normals') == 0).all(dim=0), wide
    )


@pytest.mark.parametrize(
    ('option', 'name'),
    [('mask_valid', 'mask_valid'), ('mask_valid_multimae', 'depth_zbuffer')],
)
def test_holes_from_a_mask(root: Path, option: str, name: str) -> None:
    shutil.rmtree(root / 'depth_zbuffer')
    changes = dict(tasks=['reshading'], holes=option)
    assert 'mask_valid' in message_of(root, **changes)
    mask = np.full(SIZE, 255, np.uint8)
    mask[7, 1:3] = 0
    for view in ('adams/point_0_view_1', VIEW):
        path = root / f'mask_valid/taskonomy/{view}_domain_{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)
    label = make(root, **changes)[1]['data_samples'].get_gt('reshading')
    np.testing.assert_array_equal(label[0].isnan(), mask == 0)


def test_depth_of_another_scale(root: Path) -> None:
    first, second = (
        make(root, tasks=['depth'], depth_scale=scale)[0]['data_samples']
        for scale in (512, 4096)
    )
    np.testing.assert_allclose(
        first.get_gt('depth') / 8, second.get_gt('depth'), rtol=1e-6
    )


@pytest.mark.parametrize('layout', LAYOUTS)
def test_layouts(root: Path, tmp_path: Path, layout: str) -> None:
    """The same files, rearranged, give the same labels."""
    wanted = make(root)[1]['data_samples']
    other = tmp_path / 'reshading' / 'depth_zbuffer'
    view = VIEW.split('/')[1]
    for name, (domain, spelling) in DOMAINS.items():
        target = other / LAYOUTS[layout].format(
            domain=domain,
            component='taskonomy',
            building='adams',
            view=view,
            name=spelling,
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path_of(root, name, VIEW), target)
    (other / 'splits').mkdir(exist_ok=True)
    line = view if layout == 'flat' else VIEW
    (other / 'splits/train.txt').write_text(line)
    found = make(other, layout=layout)[0]['data_samples']
    assert found.sample_id == line
    for task in TASKS:
        np.testing.assert_array_equal(found.get_gt(task), wanted.get_gt(task))


def test_lists_in_a_folder_of_their_own(root: Path, tmp_path: Path) -> None:
    lists = tmp_path / 'my lists'
    lists.mkdir()
    (lists / 'tiny.txt').write_text(f'{VIEW}\n')
    dataset = make(root, split='tiny', split_root=lists)
    assert [s['data_samples'].sample_id for s in dataset] == [VIEW]
    assert 'tiny.txt is missing' in message_of(root, split='tiny')


def test_other_spelling_of_the_class_files(root: Path) -> None:
    path = path_of(root, 'semseg', VIEW)
    name = path.name.replace('segmentsemantic', 'segment_semantic')
    path.rename(path.with_name(name))
    semseg = make(root)[1]['data_samples'].get_gt('semseg')
    assert semseg[0, 0, :3].tolist() == [255, 0, 1]


@pytest.mark.parametrize('stub', [None, b'', b'no data'])
def test_view_without_classes_has_no_label(
    root: Path, stub: bytes | None
) -> None:
    path = path_of(root, 'semseg', VIEW)
    path.unlink()
    if stub is not None:
        path.write_bytes(stub)
    first, second = (
        packed['data_samples'].get_gt('semseg') for packed in make(root)
    )
    assert (second == 255).all()
    assert second.shape == (1, *SIZE)
    assert (first != 255).any()


def test_no_view_with_classes_is_an_error(root: Path) -> None:
    shutil.rmtree(root / 'segment_semantic')
    assert '2 of 2 files are missing' in message_of(root)
    make(root, tasks=['depth'])


def test_only_the_labels_of_the_tasks_are_needed(root: Path) -> None:
    for domain in ('reshading', 'segment_semantic', 'normal', 'keypoints2d'):
        shutil.rmtree(root / domain)
    sample = make(root, tasks=['depth', 'edges2d'])[0]['data_samples']
    assert sample.has_gt('edges2d')
    assert not sample.has_gt('normals')


def test_samples_may_lack_labels(root: Path) -> None:
    path_of(root, 'normals', VIEW).unlink()
    first, second = (
        packed['data_samples'] for packed in make(root, **PARTIAL)
    )
    assert first.has_gt('normals')
    assert not second.has_gt('normals')
    assert second.has_gt('reshading')


def test_data_set_can_be_sent_to_loader_processes(root: Path) -> None:
    dataset = pickle.loads(pickle.dumps(make(root)))
    assert dataset[1]['data_samples'].sample_id == VIEW


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(layout='omnidate'), "did you mean 'omnidata'"),
        (dict(heat_map_scale='unit'), 'multimae'),
        (dict(holes='depth'), 'depth_zbuffer'),
        (dict(tasks=['saliency']), 'no labels for'),
    ],
)
def test_bad_arguments(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(tmp_path, **change)


def test_table_of_classes() -> None:
    classes = TaskonomyDataset.METAINFO['classes']
    palette = TaskonomyDataset.METAINFO['palette']
    assert len(set(classes)) == len(set(palette)) == 17
    # Stored 1, 7 and 17.
    assert [classes[i] for i in (0, 6, 16)] == [
        'background',
        'dining table',
        'vase',
    ]


def test_options_belong_to_the_instance(root: Path) -> None:
    """Each data set keeps its own table; tasks=None takes all of it."""
    fine, coarse = (
        make(root, tasks=None, depth_scale=scale, lazy_init=True)
        for scale in (1024, 512)
    )
    stored = np.uint16([[1024, 65535]])
    depths = [d.label_files['depth'].decode(stored) for d in (fine, coarse)]
    np.testing.assert_array_equal(depths, [[[1, 0]], [[2, 0]]])
    assert fine.tasks == tuple(fine.label_files)
    assert len(fine.tasks) == 6
    assert not hasattr(TaskonomyDataset, 'label_files')
