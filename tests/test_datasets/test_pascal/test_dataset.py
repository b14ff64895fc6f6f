"""PASCAL-Context: layout, encodings, ignore rules, and nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmmtl.datasets import PascalContextMTDataset
from mmmtl.datasets.pascal.classes import (
    CLASSES,
    CONTEXT_IDS,
    HUMAN_PARTS_CLASSES,
    HUMAN_PARTS_PALETTE,
    NORMALS_CONTEXT_IDS,
    PALETTE,
    PART_IDS,
)
from mmmtl.datasets.pascal.encodings import (
    decode_edge,
    decode_human_parts,
    decode_saliency,
    decode_semseg,
)
from mmmtl.datasets.pascal.room_layout import voc_palette
from mmmtl.registry import DATASETS
from tests.test_datasets.pascal_folder import (
    FILES,
    SIZE,
    TRAIN,
    VAL,
    annotation,
    rectangle,
    stored,
    thing,
    write_file,
    write_pascal,
)
from tests.test_datasets.real_data import real_data

TASKS = ['semseg', 'human_parts', 'saliency', 'normals', 'edge']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


def make(root: Path, **changes: object) -> PascalContextMTDataset:
    # Serialising collects garbage, half a second each time.
    arguments = dict(
        split='train', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )
    return PascalContextMTDataset(root, **{**arguments, **changes})


def test_class_maps_hold_what_was_written(tmp_path: Path) -> None:
    dataset = make(write_pascal(tmp_path))
    assert len(dataset) == 2
    sample = dataset[1]['data_samples']
    assert sample.sample_id == TRAIN[1]
    assert sample.ori_shape == SIZE
    files = stored()
    np.testing.assert_array_equal(sample.get_gt('semseg')[0], files['semseg'])
    # 250 / 16 = 15.6 per column: column 8 holds 125, column 9 holds 140.
    saliency = sample.get_gt('saliency')[0].numpy()
    assert saliency[0].tolist() == [0] * 9 + [1] * 7


def test_human_parts_are_those_of_all_people(tmp_path: Path) -> None:
    sample = make(write_pascal(tmp_path))[0]['data_samples']
    found = sample.get_gt('human_parts')[0].numpy()
    expected = np.zeros(SIZE, int)
    expected[0, 0:4] = 1  # hair belongs to the head
    expected[1:5, 0:4] = 2
    expected[3:6, 2:6] = 4  # the hand comes later and covers the torso
    expected[10:12, 8:10] = 6
    expected[6, 8:10] = 3
    np.testing.assert_array_equal(found, expected)  # no head of the horse


def test_normals_count_only_on_trusted_classes(tmp_path: Path) -> None:
    sample = make(write_pascal(tmp_path))[0]['data_samples']
    found = sample.get_gt('normals').numpy()
    files = stored()
    horse = files['context']['LabelMap'] == 207
    assert horse.any()
    assert (found[:, horse] == 0).all()
    vectors = 1 - files['normals'].transpose(2, 0, 1) * (2 / 255)
    np.testing.assert_allclose(
        found[:, ~horse], vectors[:, ~horse], rtol=0, atol=1e-7
    )


def test_edges_are_thin_lines_between_classes(tmp_path: Path) -> None:
    sample = make(write_pascal(tmp_path))[0]['data_samples']
    edge = sample.get_gt('edge')[0].numpy()
    classes = stored()['context']['LabelMap']
    last = np.flatnonzero(np.diff(classes[0].astype(int)))  # left of a change
    assert len(last) == 2
    middle = edge[2:-2]  # thinning shortens the ends of a line
    assert (middle.sum(1) == 2).all()
    for column in last:
        assert middle[:, [column, column + 1]].sum(1).tolist() == [1] * 8


def test_convention_things_of_one_class_have_no_boundary() -> None:
    assert not decode_edge(np.full((6, 6), 284, np.uint16)).any()


def test_voc12_comes_before_pascal_context(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    path = tmp_path / f'semseg/VOC12/{TRAIN[0]}.png'
    path.parent.mkdir()
    Image.fromarray(np.full(SIZE, 7, np.uint8)).save(path)
    dataset = make(tmp_path, tasks=['semseg'])
    assert (dataset[0]['data_samples'].get_gt('semseg') == 7).all()
    assert (dataset[1]['data_samples'].get_gt('semseg') != 7).any()
    (tmp_path / FILES['semseg'].format(TRAIN[0])).unlink()
    assert len(make(tmp_path, tasks=['semseg'])) == 2


def test_reading_writes_nothing(tmp_path: Path) -> None:
    write_pascal(tmp_path)

    def state() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}

    before = state()
    for split in ('train', 'val'):
        assert all(
            'inputs' in packed for packed in make(tmp_path, split=split)
        )
    assert state() == before


def test_image_without_anything_has_no_parts(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    write_file(tmp_path, 'human_parts', TRAIN[0], annotation([]))
    sample = make(tmp_path, tasks=['human_parts'])[0]['data_samples']
    assert sample.get_gt('human_parts').shape == (1, *SIZE)
    assert not sample.get_gt('human_parts').any()


@pytest.mark.parametrize('part', ['train', 'val', 'test'])
@pytest.mark.parametrize(
    ('name', 'padded'),
    [('pascal-context', (512, 512)), ('rooms-pascal-context', (128, 128))],
)
def test_base_configs(
    repo_root: Path,
    tmp_path: Path,
    name: str,
    padded: tuple[int, int],
    part: str,
) -> None:
    size = (60, 96)
    write_pascal(tmp_path, size=size)
    config = Config.fromfile(repo_root / f'configs/_base_/datasets/{name}.py')
    settings = config[f'{part}_dataloader'].dataset
    settings.data_root = str(tmp_path)
    packed = DATASETS.build(settings)[0]
    assert packed['inputs'].shape[1:] == padded
    # In testing only the image is padded.
    labels = padded if part == 'train' else size
    for task in config.tasks:
        assert packed['data_samples'].get_gt(task).shape[1:] == labels


@pytest.mark.parametrize('part', ['train', 'val'])
def test_images_without_people_have_no_parts_label(
    repo_root: Path, tmp_path: Path, part: str
) -> None:
    write_pascal(tmp_path)
    for sample_id in (*TRAIN, *VAL):
        horse = thing(13, rectangle(slice(0, 4), slice(0, 4)), {})
        write_file(tmp_path, 'human_parts', sample_id, annotation([horse]))
    path = repo_root / 'configs/_base_/datasets/pascal-context.py'
    settings = Config.fromfile(path)[f'{part}_dataloader'].dataset
    settings.data_root = str(tmp_path)
    sample = DATASETS.build(settings)[0]['data_samples']
    assert (sample.get_gt('human_parts') == 255).all()
    assert (sample.get_gt('semseg') != 255).any()


def test_test_time_augmentation(repo_root: Path, tmp_path: Path) -> None:
    write_pascal(tmp_path)
    path = repo_root / 'configs/_base_/datasets/pascal-context.py'
    pipeline = Config.fromfile(path).tta_pipeline
    views = make(tmp_path, split='val', pipeline=pipeline)[0]
    samples = views['data_samples']
    assert [s.zoom for s in samples] == [0.75, 0.75, 1.0, 1.0, 1.25, 1.25]
    assert [s.flip for s in samples] == [False, True] * 3
    assert {tuple(x.shape) for x in views['inputs']} == {(3, 512, 512)}
    for sample in samples:
        assert sample.get_gt('normals').shape == (3, *SIZE)


def test_tables_of_classes() -> None:
    assert len(set(CLASSES)) == len(set(PALETTE)) == len(CLASSES) == 21
    # VOC makes its colours from the bits of the id.
    assert tuple(map(tuple, voc_palette()[:21].tolist())) == PALETTE
    assert voc_palette()[255].tolist() == [224, 224, 192]
    known = {'person': 284, 'diningtable': 397, 'tvmonitor': 427}
    ids = dict(zip(CLASSES, CONTEXT_IDS, strict=True))
    assert {name: ids[name] for name in known} == known
    assert CLASSES.index('person') == 15
    assert len(HUMAN_PARTS_CLASSES) == len(HUMAN_PARTS_PALETTE) == 7
    assert len(PART_IDS) == 24
    assert set(PART_IDS.values()) == {1, 2, 3, 4, 5, 6}


def test_classes_whose_normals_count() -> None:
    ids = NORMALS_CONTEXT_IDS
    assert len(ids) == 170
    assert list(ids) == sorted(set(ids))
    assert min(ids) >= 1
    assert max(ids) <= 459
    # wall, floor, ceiling, person, tvmonitor; not aeroplane, horse, unknown.
    assert {440, 158, 68, 284, 427} <= set(ids)
    assert not {2, 207, 431, 0} & set(ids)


def test_decoders() -> None:
    found = decode_saliency(np.uint8([[0, 127, 128, 255]]))
    assert found.tolist() == [[0, 0, 1, 1]]  # 127 / 255 < 0.5 < 128 / 255
    assert found.dtype == np.uint8
    assert decode_semseg(np.uint8([[0, 20, 255]])).tolist() == [[0, 20, 255]]


def test_other_annotations_are_refused() -> None:
    with pytest.raises(ValueError, match='no PASCAL-Part annotation'):
        decode_human_parts((np.zeros((2, 2)), SIZE))


def test_real_voc_palette_pictures() -> None:
    folder = real_data('pascal_voc/labelme/SegmentationClass')
    paths = sorted(folder.glob('*.png'))
    assert len(paths) == 3
    seen: set[int] = set()
    for path in paths:
        with Image.open(path) as picture:
            assert picture.mode == 'P'
            colours = np.reshape(picture.getpalette(), (-1, 3))
            shown = np.asarray(picture.convert('RGB'))
            ids = decode_semseg(np.asarray(picture))
        values = set(np.unique(ids).tolist())
        assert values <= {*range(21), 255}
        for value in values - {255}:
            assert tuple(colours[value]) == PALETTE[value]
            assert (shown[ids == value] == PALETTE[value]).all()
        seen |= values
    assert len(seen) > 3


def test_real_voc_photos_load(tmp_path: Path) -> None:
    source = real_data('pascal_voc/labelme')
    ids = sorted(p.stem for p in (source / 'SegmentationClass').glob('*.png'))
    for name in ('JPEGImages', 'semseg', 'ImageSets/Context'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / 'semseg').mkdir()
    (tmp_path / 'ImageSets/Context').mkdir()
    (tmp_path / 'JPEGImages').symlink_to(source / 'JPEGImages')
    (tmp_path / 'semseg/VOC12').symlink_to(source / 'SegmentationClass')
    text = ''.join(f'{i}\n' for i in ids)
    (tmp_path / 'ImageSets/Context/val.txt').write_text(text)
    for packed in make(tmp_path, split='val', tasks=['semseg']):
        label = packed['data_samples'].get_gt('semseg')
        assert label.shape[1:] == packed['inputs'].shape[1:]
        assert set(label.unique().tolist()) <= {*range(21), 255}
