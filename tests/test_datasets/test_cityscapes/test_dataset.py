"""Cityscapes: folders as splits, class ids, depth from disparity."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmmtl.datasets import CityscapesMTDataset
from mmmtl.datasets.cityscapes.classes import class_of_id, group_of_id
from mmmtl.datasets.cityscapes.encodings import decode_depth
from mmmtl.errors import DatasetError
from mmmtl.registry import METRICS, build_in_scope
from tests.test_datasets.cityscapes_folder import (
    BASELINE,
    FILES,
    FOCAL,
    SIZE,
    TRAIN,
    VAL,
    camera_text,
    stored_arrays,
    write_cityscapes,
    write_file,
)

TASKS = ['semseg', 'depth']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


def make(root: Path, **changes: object) -> CityscapesMTDataset:
    # Serialising collects garbage, half a second each time.
    arguments = dict(
        split='train', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )
    return CityscapesMTDataset(root, **{**arguments, **changes})


def message_of(root: Path, **changes: object) -> str:
    with pytest.raises(DatasetError) as caught:
        make(root, **changes)[0]
    text = str(caught.value)
    assert '\n' not in text
    return text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_cityscapes(tmp_path)


def test_sample_holds_what_was_written(root: Path) -> None:
    dataset = make(root)
    samples = [packed['data_samples'] for packed in dataset]
    assert [s.sample_id for s in samples] == list(TRAIN)
    stored = stored_arrays()
    bgr = stored['image'][..., ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(dataset[1]['inputs'], bgr)
    semseg = samples[1].get_gt('semseg')[0].numpy()
    # Of row 0, whose pixels are the ids 0 to 33 in order.
    wanted = dict(zip(range(34), [255] * 34, strict=True))
    ids = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28)
    wanted.update({n: i for i, n in enumerate((*ids, 31, 32, 33))})
    assert semseg[0].tolist() == list(wanted.values())
    depth = samples[1].get_gt('depth')[0].numpy()
    p = stored['depth'].astype(float)
    far = p <= 1
    with np.errstate(divide='ignore'):
        metres = BASELINE * FOCAL * 256 / (p - 1)
    np.testing.assert_allclose(depth, np.where(far, 0, metres), rtol=1e-6)
    assert far[0, :2].all()


def test_published_split_is_a_folder(root: Path) -> None:
    assert make(root, split='val')[0]['data_samples'].sample_id == VAL[0]
    text = message_of(root, split='test')
    assert 'leftImg8bit/test holds no <city>/' in text
    assert 'camera' in text


def test_lists_replace_the_folders(root: Path, tmp_path: Path) -> None:
    (tmp_path / 'half.txt').write_text(f'{TRAIN[1]}\n{VAL[0]}\n')
    dataset = make(root, split='half', split_root=tmp_path)
    ids = [packed['data_samples'].sample_id for packed in dataset]
    assert ids == [TRAIN[1], VAL[0]]


def test_seven_groups(root: Path) -> None:
    dataset = make(root, num_classes=7)
    assert dataset.metainfo['classes'][0] == 'flat'
    semseg = dataset[0]['data_samples'].get_gt('semseg')[0, 0].tolist()
    groups = {i: 0 for i in range(7, 11)}
    groups.update({i: 1 for i in range(11, 17)})
    groups.update({i: 2 for i in range(17, 21)})
    groups.update({21: 3, 22: 3, 23: 4, 24: 5, 25: 5})
    groups.update({i: 6 for i in range(26, 34)})
    assert semseg == [groups.get(i, 255) for i in range(34)]


def test_groups_are_unions_of_classes() -> None:
    """No class is split, and the classes keep their order."""
    classes, groups = class_of_id(), group_of_id()
    known = classes != 255
    assert (groups[known] != 255).all()
    assert (np.diff(groups[known].astype(int)) >= 0).all()
    assert known.sum() == 19
    assert (groups != 255).sum() == 27


def test_classes_as_cityscapes_own_script_writes_them(root: Path) -> None:
    semseg = stored_arrays()['semseg']
    for sample_id in TRAIN:
        path = root / FILES['semseg'].format(sample_id)
        name = path.name.replace('labelIds', 'labelTrainIds')
        target = write_file(
            root, 'semseg', sample_id, class_of_id()[semseg]
        ).rename(path.with_name(name))
        assert target.is_file()
    sample = make(root, label_kind='labelTrainIds')[0]['data_samples']
    np.testing.assert_array_equal(
        sample.get_gt('semseg')[0], class_of_id()[semseg]
    )


def test_licence_plates_have_no_class(root: Path) -> None:
    semseg = stored_arrays()['semseg']
    semseg[:, 26] = 255  # -1 in 8 bits
    write_file(root, 'semseg', TRAIN[0], semseg)
    label = make(root)[0]['data_samples'].get_gt('semseg')
    assert (label[0, :, 26] == 255).all()


def test_far_depth_can_be_left_out(root: Path) -> None:
    whole = make(root)[0]['data_samples'].get_gt('depth')
    near = make(root, max_depth=20.0)[0]['data_samples'].get_gt('depth')
    assert whole.max() > 1000
    assert near.max() <= 20
    np.testing.assert_array_equal(near, whole * (whole <= 20))


def test_every_image_has_its_own_camera(root: Path) -> None:
    write_file(root, 'camera', TRAIN[1], camera_text(baseline=2 * BASELINE))
    first, second = (s['data_samples'].get_gt('depth') for s in make(root))
    np.testing.assert_allclose(2 * first, second, rtol=1e-6)


def test_convention_depth_of_a_derived_number() -> None:
    """(25601 - 1) / 256 = 100 pixels; 0.2 m * 2000 / 100 = 4 m."""
    stored = (np.uint16([[25601, 1, 0]]), 400.0)
    found = decode_depth(stored, max_depth=None)
    assert found.tolist() == [[4.0, 0.0, 0.0]]
    assert found.dtype == np.float32


def test_segmentation_alone_needs_no_disparity(root: Path) -> None:
    for folder in ('disparity', 'camera'):
        shutil.rmtree(root / folder)
    assert make(root, tasks=['semseg'])[0]['data_samples'].has_gt('semseg')
    assert '4 of 8 files are missing' in message_of(root)


def test_samples_may_lack_labels(root: Path) -> None:
    (root / FILES['depth'].format(TRAIN[0])).unlink()
    first, second = (
        packed['data_samples']
        for packed in make(root, allow_missing_labels=True)
    )
    assert first.has_gt('semseg')
    assert not first.has_gt('depth')
    assert second.has_gt('depth')


def test_data_set_can_be_sent_to_loader_processes(root: Path) -> None:
    dataset = pickle.loads(pickle.dumps(make(root)))
    assert dataset[0]['data_samples'].sample_id == TRAIN[0]


@pytest.mark.parametrize('name', FILES)
def test_missing_file_is_found_at_the_start(root: Path, name: str) -> None:
    path = FILES[name].format(TRAIN[1])
    (root / path).unlink()
    (tmp_list := root / 'train.txt').write_text('\n'.join(TRAIN))
    text = message_of(root, split_root=tmp_list.parent)
    assert f'1 of 8 files are missing in {root}: {path};' in text


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('keep', [0, 0.6])
def test_truncated_file(root: Path, name: str, keep: float) -> None:
    path = root / FILES[name].format(TRAIN[0])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    text = message_of(root)
    assert str(path) in text
    assert 'again' in text


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{}', 'has no extrinsic.baseline'),
        ('[1, 2]', 'has no extrinsic.baseline'),
        (camera_text(baseline=0), 'must be positive'),
        (camera_text(focal=-1), 'must be positive'),
        (camera_text(focal=float('nan')), 'must be positive'),
    ],
)
def test_camera_without_numbers(root: Path, text: str, message: str) -> None:
    path = write_file(root, 'camera', TRAIN[0], text)
    found = message_of(root)
    assert str(path) in found
    assert message in found


@pytest.mark.parametrize(
    ('task', 'stored', 'message'),
    [
        ('semseg', np.full(SIZE, 34, np.uint8), 'holds 34: label ids are 0'),
        ('semseg', stored_arrays()['image'], 'one channel of 8 bits'),
        ('semseg', stored_arrays()['depth'], 'one channel of 8 bits'),
        (
            'depth',
            stored_arrays()['semseg'],
            '16 bits (disparity as in the download)',
        ),
        ('depth', stored_arrays()['image'], 'whole numbers'),
        ('depth', stored_arrays((8, 20))['depth'], 'its image 8x34'),
        ('semseg', stored_arrays((9, 34))['semseg'], 'its image 8x34'),
    ],
)
def test_wrong_encoding(
    root: Path, task: str, stored: np.ndarray, message: str
) -> None:
    path = write_file(root, task, TRAIN[0], stored)
    text = message_of(root)
    assert text.startswith(f'{task} label {path}')
    assert message in text


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(num_classes=8), "give 19, or 7 with 'labelIds'"),
        (dict(num_classes=7, label_kind='labelTrainIds'), "7 with 'labelIds'"),
        (dict(tasks=['normals']), 'no labels for'),
    ],
)
def test_bad_arguments(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(tmp_path, **change)


def test_base_config_reports_inverse_depth(repo_root: Path) -> None:
    path = repo_root / 'configs/_base_/datasets/cityscapes.py'
    for name in ('val_evaluator', 'test_evaluator'):
        evaluator = Config.fromfile(path)[name]
        metrics = [
            build_in_scope(METRICS, dict(metric))
            for metric in evaluator.metrics
        ]
        (depth,) = (metric for metric in metrics if metric.task == 'depth')
        assert {'rmse', 'inv_abs_err', 'inv_abs_rel'} <= set(depth.reports)
        assert depth.max_depth == 80
