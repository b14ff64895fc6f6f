"""A folder of one's own, read as a config describes it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import ExifTags, Image

from mmmtl.datasets import FolderDataset, NYUDv2Dataset
from mmmtl.datasets.folder.listing import files_by_id, ids_of_share
from mmmtl.errors import DatasetError, EncodingError
from mmmtl.registry import DATASETS
from mmmtl.tasks import register_tasks, task
from tests.test_datasets.nyud_folder import write_nyud

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
]
ROWS = dict(
    cracks=dict(kind='binary'),
    materials=dict(kind='classes'),
    height=dict(kind='scalar', unit='m'),
)
NAMES = dict(materials=['wood', 'stone', 'steel'])
NAN = float('nan')


@pytest.fixture(autouse=True)
def _own_rows() -> Iterator[None]:
    known, fields = dict(task._TABLE), dict(task._FIELDS)
    register_tasks(ROWS)
    yield
    task._TABLE.clear()
    task._TABLE.update(known)
    task._FIELDS.clear()
    task._FIELDS.update(fields)


def store(root: Path, path: str, values: Any, dtype: Any = np.uint8) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == '.npy':
        np.save(file, np.array(values, dtype))
    elif file.suffix == '.json':
        file.write_text(json.dumps(values))
    else:
        Image.fromarray(np.array(values, dtype)).save(file)


def images(root: Path, *ids: str, size: tuple[int, int] = (1, 4)) -> None:
    for sample_id in ids:
        store(root, f'rgb/{sample_id}.png', np.zeros((*size, 3)))


def make(root: Path, labels: dict, **options: Any) -> FolderDataset:
    settings = dict(
        split='train',
        tasks=None,
        pipeline=PIPELINE,
        image='rgb/{}.png',
        labels=labels,
        splits=dict(train=1.0),
        classes=NAMES if 'materials' in labels else None,
    )
    return FolderDataset(root, **{**settings, **options})


def read(root: Path, name: str, row: Any, values: Any, **options: Any) -> list:
    """Write a label of ``values`` and return what becomes of it."""
    dtype = options.pop('dtype', np.uint8)
    images(root, 'a', size=np.shape(values)[:2])
    path = row['path'] if isinstance(row, dict) else row
    store(root, path.format('a'), values, dtype)
    dataset = make(root, {name: row}, **options)
    return dataset[0]['labels'][name]


def test_a_folder_of_three_tasks(tmp_path: Path) -> None:
    images(tmp_path, 'a')
    store(tmp_path, 'masks/a.png', [[0, 255, 255, 0]])
    store(tmp_path, 'ids/a.png', [[0, 1, 2, 255]])
    store(tmp_path, 'h/a.npy', [[1, 2, NAN, 4]], np.float32)
    dataset = make(
        tmp_path,
        dict(cracks='masks/{}.png', materials='ids/{}.png', height='h/{}.npy'),
        palettes=dict(materials=[[1, 2, 3]] * 3),
    )
    labels = dataset[0]['labels']
    assert labels['cracks'].tolist() == [[0, 1, 1, 0]]
    assert labels['materials'].tolist() == [[0, 1, 2, 255]]
    np.testing.assert_equal(
        labels['height'], np.array([[1, 2, NAN, 4]], np.float32)
    )
    assert dataset.class_counts() == {'materials': 3}
    assert dataset.metainfo['materials_classes'] == NAMES['materials']
    assert dataset.metainfo['materials_palette'] == [[1, 2, 3]] * 3


def test_it_is_built_from_a_config_by_name(tmp_path: Path) -> None:
    images(tmp_path, 'a')
    store(tmp_path, 'masks/a.png', [[0, 255, 255, 0]])
    dataset = DATASETS.build(
        dict(
            type='FolderDataset',
            data_root=str(tmp_path),
            split='train',
            tasks=['cracks'],
            pipeline=PIPELINE,
            image='rgb/{}.png',
            labels=dict(cracks='masks/{}.png'),
            splits=dict(train=1.0),
        )
    )
    again = pickle.loads(pickle.dumps(dataset))
    assert again[0]['labels']['cracks'].tolist() == [[0, 1, 1, 0]]


def test_it_reads_nyud_as_its_own_data_set_does(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    names = [str(i) for i in range(40)]
    ours = make(
        tmp_path,
        dict(
            semseg=dict(path='segmentation/{}.png', first_id=1, no_label=0),
            depth='depth/{}.npy',
            normals=dict(path='normals/{}.png', axes='left up towards'),
            edge='edge/{}.png',
        ),
        image='images/{}.png',
        splits=dict(train='gt_sets/train.txt', val='gt_sets/val.txt'),
        classes=dict(semseg=names),
    )
    theirs = NYUDv2Dataset(
        tmp_path, split='train', tasks=None, pipeline=PIPELINE
    )
    assert len(ours) == len(theirs) == 2
    for index in range(2):
        found, want = ours[index]['labels'], theirs[index]['labels']
        assert list(found) == list(want)
        for name, label in want.items():
            np.testing.assert_allclose(found[name], label, atol=1e-6)
            assert found[name].dtype == label.dtype


@pytest.mark.parametrize(
    ('row', 'stored', 'dtype', 'want'),
    [
        (dict(scale=0.001), [[0, 1500]], np.uint16, [[0, 1.5]]),
        (dict(scale=0.5, offset=2), [[0, 1]], np.uint8, [[2, 2.5]]),
        (dict(scale=0.1, no_label=0), [[0, 5]], np.uint8, [[NAN, 0.5]]),
        (dict(no_label=[7, 9]), [[7, 8, 9]], np.uint8, [[NAN, 8, NAN]]),
        (
            dict(scale=0.5, inverse=True),
            [[0, 1, 4]],
            np.uint8,
            [[NAN, 2, 0.5]],
        ),
        (
            dict(scale=1, offset=-1, inverse=True, no_label=0),
            [[0, 1, 3]],
            np.uint16,
            [[NAN, NAN, 0.5]],
        ),
        (dict(), [[[3, 3, 3], [4, 4, 4]]], np.uint8, [[3, 4]]),
    ],
)
def test_values(
    tmp_path: Path, row: dict, stored: Any, dtype: Any, want: Any
) -> None:
    row = dict(path='h/{}.npy', **row)
    found = read(tmp_path, 'height', row, stored, dtype=dtype)
    np.testing.assert_allclose(found, want, rtol=1e-6)
    assert found.dtype == np.float32


def test_inverse_depth_has_no_label_at_infinity(tmp_path: Path) -> None:
    row = dict(path='d/{}.png', scale=0.25, inverse=True)
    found = read(tmp_path, 'depth', row, [[0, 1, 8]])
    assert found.tolist() == [[0, 4, 0.5]]


@pytest.mark.parametrize(
    ('row', 'stored', 'want'),
    [
        (dict(first_id=1, no_label=0), [[0, 1, 3]], [[255, 0, 2]]),
        (
            dict(ids=[7, [8, 9], 4], no_label=0),
            [[0, 9, 8, 4, 7]],
            [[255, 1, 1, 2, 0]],
        ),
        (dict(no_label=[1]), [[0, 1, 2, 255]], [[0, 255, 2, 255]]),
        (
            dict(
                colours=[[255, 0, 0], [[0, 9, 0], [0, 8, 0]], [0, 0, 7]],
                no_label=[1, 1, 1],
            ),
            [[[0, 8, 0], [255, 0, 0], [1, 1, 1], [0, 0, 7], [0, 9, 0]]],
            [[1, 0, 255, 2, 1]],
        ),
    ],
)
def test_class_ids(tmp_path: Path, row: dict, stored: Any, want: Any) -> None:
    row = dict(path='ids/{}.png', **row)
    found = read(tmp_path, 'materials', row, stored)
    assert found.tolist() == want
    assert found.dtype == np.uint8


def test_colours_of_a_picture_with_a_palette(tmp_path: Path) -> None:
    images(tmp_path, 'a', size=(1, 2))
    picture = Image.fromarray(np.array([[1, 0]], np.uint8), 'P')
    picture.putpalette([0, 0, 7, 255, 0, 0])
    (tmp_path / 'ids').mkdir()
    picture.save(tmp_path / 'ids/a.png')
    table = [[255, 0, 0], [0, 9, 0], [0, 0, 7]]
    row = dict(path='ids/{}.png', colours=table)
    label = make(tmp_path, dict(materials=row))[0]['labels']['materials']
    assert label.tolist() == [[0, 2]]


def test_which_values_of_a_mask_are_one(tmp_path: Path) -> None:
    row = dict(path='m/{}.png', ids=[[0, 2], 3], no_label=4)
    found = read(tmp_path, 'cracks', row, [[0, 2, 3, 4]])
    assert found.tolist() == [[0, 0, 1, 255]]


def test_255_is_no_label_of_a_mask_where_that_is_stated(
    tmp_path: Path,
) -> None:
    row = dict(path='m/{}.png', no_label=255)
    for stored in ([[0, 255]], [[0, 1, 255]]):
        root = tmp_path / str(len(stored[0]))
        assert read(root, 'cracks', row, stored).tolist() == stored


@pytest.mark.parametrize('name', ['cracks', 'edge'])
def test_255_beside_1_has_to_be_stated(tmp_path: Path, name: str) -> None:
    """In a file without 1 it would be taken for 1."""
    with pytest.raises(EncodingError, match='declare it: no_label=255'):
        read(tmp_path, name, 'm/{}.png', [[0, 1, 255]])


@pytest.mark.parametrize('orientation', range(1, 9))
def test_pictures_stored_lying_down_stay_beside_their_labels(
    tmp_path: Path, orientation: int
) -> None:
    """Images are read by mmcv, labels by us."""
    ids = (np.arange(24, dtype=np.uint8) % 3).reshape(4, 6)
    for folder in ('rgb', 'm', 'c'):
        (tmp_path / folder).mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    colours = np.repeat(100 * ids[..., None], 3, axis=2)
    for path, pixels in (
        ('rgb/a.png', colours),
        ('m/a.png', ids),
        ('c/a.png', colours),
    ):
        Image.fromarray(pixels).save(tmp_path / path, exif=exif)
    table = dict(path='c/{}.png', colours=[[0] * 3, [100] * 3, [200] * 3])
    for row in ('m/{}.png', table):
        sample = make(tmp_path, dict(materials=row))[0]
        np.testing.assert_array_equal(
            sample['img'][..., 0], 100 * sample['labels']['materials']
        )
        size = (4, 6) if orientation < 5 else (6, 4)
        assert sample['labels']['materials'].shape == size


@pytest.mark.parametrize(
    ('axes', 'stored'),
    [
        ('right down forward', [0.0, 0.6, -0.8]),
        ('left up towards', [0.0, -0.6, 0.8]),
        ('towards right up', [0.8, 0.0, -0.6]),
    ],
)
def test_axes_of_normals(tmp_path: Path, axes: str, stored: list) -> None:
    row = dict(path='n/{}.npy', axes=axes, no_label=[9, 9, 9])
    found = read(
        tmp_path, 'normals', row, [[stored, [9, 9, 9]]], dtype=np.float32
    )
    np.testing.assert_allclose(found, [[[0, 0.6, -0.8], [0, 0, 0]]])


def test_normals_with_a_scale(tmp_path: Path) -> None:
    row = dict(path='n/{}.npy', scale=0.001, offset=-1.0)
    found = read(
        tmp_path, 'normals', row, [[[1000, 1600, 200]]], dtype=np.uint16
    )
    np.testing.assert_allclose(found, [[[0, 0.6, -0.8]]], atol=1e-6)


def labelme(*shapes: tuple) -> dict:
    return dict(
        imageHeight=4,
        imageWidth=5,
        shapes=[
            dict(label=name, shape_type=form, points=points)
            for name, form, points in shapes
        ],
    )


SQUARE = [[1, 1], [3, 1], [3, 2], [1, 2]]
DRAWN = [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]


def test_polygons_of_labelme(tmp_path: Path) -> None:
    images(tmp_path, 'a', size=(4, 5))
    drawn = labelme(
        ('crack', 'polygon', SQUARE), ('dirt', 'rectangle', [[0, 0], [4, 3]])
    )
    store(tmp_path, 'json/a.json', drawn)
    row = dict(path='json/{}.json', polygons='labelme')
    masks = {
        names: make(tmp_path, dict(cracks={**row, **own}))[0]['labels']
        for names, own in (('all', {}), ('crack', dict(names=['crack'])))
    }
    assert masks['crack']['cracks'].tolist() == DRAWN
    assert (masks['all']['cracks'] == 1).all()


def test_polygons_of_classes(tmp_path: Path) -> None:
    images(tmp_path, 'a', size=(4, 5))
    drawn = labelme(
        ('steel', 'polygon', SQUARE), ('ignore', 'polygon', [[1, 1], [1, 2]])
    )
    store(tmp_path, 'json/a.json', drawn)
    row = dict(path='json/{}.json', polygons='labelme', no_label=['ignore'])
    label = make(tmp_path, dict(materials=row))[0]['labels']['materials']
    assert label[1].tolist() == [255, 255, 2, 2, 255]
    row = {**row, 'outside': 1}
    label = make(tmp_path, dict(materials=row))[0]['labels']['materials']
    assert label[1].tolist() == [1, 255, 2, 2, 1]
    del row['no_label']
    with pytest.raises(DatasetError, match=r"named 'ignore'.*wood, stone"):
        make(tmp_path, dict(materials=row))[0]


def coco(*names: str) -> dict:
    return dict(
        categories=[dict(id=5, name='crack')],
        images=[
            dict(id=i, file_name=name, height=4, width=5)
            for i, name in enumerate(names)
        ],
        annotations=[
            dict(
                id=1,
                image_id=0,
                category_id=5,
                segmentation=[np.ravel(SQUARE).tolist()],
            )
        ],
    )


def test_polygons_of_coco(tmp_path: Path) -> None:
    images(tmp_path, 'a', 'b', 'c', size=(4, 5))
    store(tmp_path, 'all.json', coco('a.png', 'rgb/b.png'))
    row = dict(path='all.json', polygons='coco')
    with pytest.raises(DatasetError, match=r'rgb/c.png is not among'):
        make(tmp_path, dict(cracks=row))
    dataset = make(tmp_path, dict(cracks=row), missing='no_label')
    labels = [dataset[i]['labels'] for i in range(3)]
    assert labels[0]['cracks'].tolist() == DRAWN
    assert not labels[1]['cracks'].any()  # in the list, without a crack
    assert labels[2] == {}


def test_two_images_of_one_entry_of_coco_are_refused(tmp_path: Path) -> None:
    images(tmp_path, 'x/a', 'y/a', size=(4, 5))
    store(tmp_path, 'all.json', coco('a.png'))
    row = dict(path='all.json', polygons='coco')
    with pytest.raises(DatasetError, match=r"are both 'a.png'"):
        make(tmp_path, dict(cracks=row))


@pytest.mark.parametrize(
    ('part', 'entry', 'words'),
    [
        ('images', dict(id=0, file_name='b.png', height=4, width=5), 'images'),
        ('categories', dict(id=5, name='dirt'), 'categories'),
        (
            'annotations',
            dict(id=2, image_id=0, category_id=5, segmentation=[], bbox=[0]),
            'annotation 2 has no outline',
        ),
        (
            'annotations',
            dict(id=2, image_id=0, category_id=5, bbox=[0, 0, 2, 2]),
            'annotation 2 has no outline',
        ),
        (
            'annotations',
            dict(id=2, image_id=0, category_id=5, segmentation={}),
            'all.json: annotation 2 is a run-length code',
        ),
    ],
)
def test_a_list_of_coco_that_draws_something_else_is_refused(
    tmp_path: Path, part: str, entry: dict, words: str
) -> None:
    images(tmp_path, 'a', size=(4, 5))
    listed = coco('a.png')
    listed[part].append(entry)
    store(tmp_path, 'all.json', listed)
    with pytest.raises(DatasetError, match=words) as error:
        make(tmp_path, dict(cracks=dict(path='all.json', polygons='coco')))
    assert 'no list of COCO' not in str(error.value)


@pytest.mark.parametrize('drawn', [[], None, {'counts': [2]}])
def test_shapes_of_other_names_need_no_outline(
    tmp_path: Path, drawn: Any
) -> None:
    """Detectors' lists have boxes of the categories that nobody outlined."""
    images(tmp_path, 'a', 'b', size=(4, 5))
    listed = coco('a.png', 'b.png')
    listed['categories'].append(dict(id=6, name='dirt'))
    box = dict(id=2, image_id=0, category_id=6, segmentation=drawn)
    listed['annotations'].append(box)
    store(tmp_path, 'all.json', listed)
    row = dict(path='all.json', polygons='coco')
    found = make(tmp_path, dict(cracks=dict(row, names='crack')))
    assert found[0]['labels']['cracks'].tolist() == DRAWN
    with pytest.raises(DatasetError, match='annotation 2 '):
        make(tmp_path, dict(cracks=row))
    # Of another image it is nobody's mistake.
    (tmp_path / 'train.txt').write_text('b')
    make(tmp_path, dict(cracks=row), splits=dict(train='train.txt'))


def test_a_part_of_an_id_may_have_any_name(tmp_path: Path) -> None:
    images(tmp_path, 'x', 'y')
    images(tmp_path / 'hall', 'y', 'z')
    found = files_by_id(tmp_path, '{_}/rgb/{}.png')
    assert found == {'hall/y': 'hall/rgb/y.png', 'hall/z': 'hall/rgb/z.png'}


def test_shares_depend_on_the_id_alone() -> None:
    shares = dict(train=0.7, val=0.2, test=0.1)
    ids = [f'{i:04d}' for i in range(2000)]
    parts = {s: ids_of_share(ids, shares, s) for s in shares}
    assert sorted(i for part in parts.values() for i in part) == ids
    for split, share in shares.items():
        assert abs(len(parts[split]) / 2000 - share) < 0.03
        # Half of the files, in another order: nobody moves.
        some = ids_of_share(ids[::-2], shares, split)
        assert set(some) <= set(parts[split])
    # On every machine and in every version.
    val = ['0007', '0016', '0023', '0028', '0029']
    assert ids_of_share(ids[:30], shares, 'val') == val


def test_shares_survive_a_dump() -> None:
    """Dumped configs have their keys in another order."""
    shares = dict(train=0.7, val=0.2, test=0.1)
    dumped = Config.fromstring(
        Config(dict(splits=shares)).pretty_text, '.py'
    ).splits
    assert list(dumped) != list(shares)
    ids = [f'{i:04d}' for i in range(500)]
    for split in shares:
        want = ids_of_share(ids, shares, split)
        assert ids_of_share(ids, dumped, split) == want


def test_lists_and_ids_in_folders(tmp_path: Path) -> None:
    images(tmp_path, 'x/a', 'y/a', 'b')
    for sample_id in ('x/a', 'y/a', 'b'):
        store(tmp_path, f'm/{sample_id}_mask.png', [[0, 0, 0, 255]])
    (tmp_path / 'val.txt').write_text('y/a\nb\n')
    labels = dict(cracks='m/{}_*.png')
    splits = dict(train='train.txt', val='val.txt')
    val = make(tmp_path, labels, split='val', splits=splits)
    assert [val[i]['sample_id'] for i in range(2)] == ['y/a', 'b']
    everything = make(tmp_path, labels)
    assert [s['sample_id'] for s in everything.list_samples()] == [
        'b',
        'x/a',
        'y/a',
    ]
    with pytest.raises(DatasetError, match=r'train.txt is missing'):
        make(tmp_path, labels, splits=splits)


def test_an_id_that_occurs_twice_in_a_pattern(tmp_path: Path) -> None:
    for name in ('a', 'b'):
        store(tmp_path, f'{name}/{name}_rgb.png', np.zeros((1, 4, 3)))
        store(tmp_path, f'{name}/{name}_crack.png', [[0, 1, 1, 0]])
    dataset = make(
        tmp_path, dict(cracks='{}/{}_crack.png'), image='{}/{}_rgb.png'
    )
    assert [sample['sample_id'] for sample in dataset] == ['a', 'b']
    assert dataset[1]['labels']['cracks'].tolist() == [[0, 1, 1, 0]]


def test_an_id_of_two_parts(tmp_path: Path) -> None:
    for scene, value in (('x', 0), ('y', 1)):
        store(tmp_path, f'{scene}/rgb/a.png', np.zeros((1, 2, 3)))
        store(tmp_path, f'depth/{scene}/a_{scene}.npy', [[value + 1.0] * 2])
    (tmp_path / 'list.txt').write_text('y/a')
    options = dict(image='{scene}/rgb/{}.png')
    row = 'depth/{scene}/{}_{scene}.npy'
    dataset = make(tmp_path, dict(depth=row), **options)
    found = {s['sample_id']: s['labels']['depth'][0, 0] for s in dataset}
    assert found == {'x/a': 1, 'y/a': 2}
    listed = dict(train='list.txt')
    dataset = make(tmp_path, dict(depth=row), **options, splits=listed)
    assert dataset[0]['labels']['depth'][0, 0] == 2
    (tmp_path / 'list.txt').write_text('a')
    with pytest.raises(DatasetError, match=r'missing.*{scene}/rgb/a.png'):
        make(tmp_path, dict(depth=row), **options, splits=listed)
    with pytest.raises(ValueError, match='has other parts in braces'):
        make(tmp_path, dict(depth='depth/{}.npy'), **options)


def test_a_missing_label_is_refused_or_no_label(tmp_path: Path) -> None:
    images(tmp_path, 'a', 'b')
    store(tmp_path, 'm/a.png', [[0, 0, 0, 255]])
    row = dict(path='m/{}.png')
    with pytest.raises(DatasetError, match=r'1 of 4 files.*m/b.png'):
        make(tmp_path, dict(cracks=row))
    for options in ({}, dict(missing='no_label')):
        own = {} if options else dict(missing='no_label')
        dataset = make(tmp_path, dict(cracks={**row, **own}), **options)
        assert [list(dataset[i]['labels']) for i in (0, 1)] == [['cracks'], []]
    (tmp_path / 'm/a.png').unlink()
    with pytest.raises(DatasetError, match="no sample of 'train' has a label"):
        make(tmp_path, dict(cracks=row), missing='no_label')


def test_a_truncated_label_is_never_a_missing_one(tmp_path: Path) -> None:
    images(tmp_path, 'a')
    store(tmp_path, 'm/a.png', [[0, 0, 0, 255]])
    (tmp_path / 'm/a.png').write_bytes(b'')
    dataset = make(tmp_path, dict(cracks='m/{}.png'), missing='no_label')
    with pytest.raises(DatasetError, match=r'm/a.png is unreadable'):
        dataset[0]


def test_another_size_is_refused_or_fitted(tmp_path: Path) -> None:
    images(tmp_path, 'a', size=(2, 4))
    store(tmp_path, 'm/a.png', [[0, 255]])
    row = dict(path='m/{}.png')
    with pytest.raises(DatasetError, match=r'm/a.png is 1x2.*2x4'):
        make(tmp_path, dict(cracks=row))[0]
    label = make(tmp_path, dict(cracks=row), fit='nearest')[0]['labels']
    assert label['cracks'].tolist() == [[0, 0, 1, 1]] * 2


def test_two_files_of_one_sample_are_refused(tmp_path: Path) -> None:
    images(tmp_path, 'a')
    store(tmp_path, 'rgb/a.jpg', np.zeros((1, 4, 3)))
    store(tmp_path, 'm/a.png', [[0, 0, 0, 255]])
    labels = dict(cracks='m/{}.png')
    with pytest.raises(DatasetError, match=r"2 files for sample 'a'.*a.jpg"):
        make(tmp_path, labels, image='rgb/{}.*')
    (tmp_path / 'rgb/a.jpg').unlink()
    (tmp_path / 'rgb/._a.png').write_bytes(b'left by a file manager')
    assert len(make(tmp_path, labels, image='rgb/{}.*')) == 1


@pytest.mark.parametrize(
    ('labels', 'options', 'match'),
    [
        (dict(cracks='m.png'), {}, "'m.png' has no '{}'"),
        (dict(cracks='m/{}.png'), dict(image='x/{}.png'), 'is empty'),
        (
            dict(cracks='m/{}.png'),
            dict(splits=dict(train=0.9, val=0.2)),
            'sum at most 1',
        ),
        (
            dict(cracks='m/{}.png'),
            dict(splits=dict(train=0.9, val='val.txt')),
            'a list of ids for each',
        ),
        (dict(cracks='m/{}.png'), dict(split='trian'), "did you mean 'train'"),
        (dict(cracks='m/{}.png'), dict(missing='skip'), "missing='skip'"),
        (dict(cracks=dict(path='{}', scale=2)), {}, "no setting 'scale'"),
        (dict(height=dict(path='{}', axes='up')), {}, "no setting 'axes'"),
        (dict(cracks=dict(path='{}', names=['a'])), {}, "setting 'names'"),
        (dict(cracks=dict(ids=[0, 1])), {}, 'has no path'),
        (dict(craks='m/{}.png'), {}, "unknown task 'craks'"),
        (dict(materials='m/{}.png'), dict(classes={}), 'has no classes'),
        (
            dict(materials='m/{}.png'),
            dict(classes=dict(materials=list(map(str, range(256))))),
            'names 256 classes',
        ),
        (dict(materials=dict(path='{}', ids=[1, 2])), {}, '2 entries for 3'),
        (
            dict(materials=dict(path='{}', ids=[1, 2, [1, 3]])),
            {},
            'names 1 twice',
        ),
        (
            dict(materials=dict(path='{}', ids=[1, 2, 3], first_id=1)),
            {},
            'give one',
        ),
        (
            dict(normals=dict(path='{}', axes='left up down')),
            {},
            'say where the three channels point',
        ),
        (
            dict(materials='{}'),
            dict(classes=dict(materials='c.txt')),
            'a list',
        ),
        *(
            (dict(materials=dict(path='{}', **row)), {}, match)
            for row, match in (
                (dict(no_label='70'), "no_label='70', give numbers"),
                (dict(no_label=[0, [255]]), 'give numbers'),
                (dict(ids='abc'), "ids='abc', give a list"),
                (dict(ids=['1', '2', '3']), 'give numbers'),
                (dict(first_id='1'), "first_id='1', give a whole number"),
                (
                    dict(colours=[[i] * 3 for i in range(3)], no_label=[0, 9]),
                    r'no_label=\[0, 9\], give three numbers',
                ),
                (dict(colours=[[1, 2], 3, 4]), 'give three numbers'),
                (
                    dict(polygons='labelme', outside='bg'),
                    'no class: known are',
                ),
                (dict(polygons='labelme', outside='wod'), "mean 'wood'"),
                (dict(polygons='labelme', outside=-1), 'outside=-1 is no'),
                (dict(polygons='labelme', outside=2.5), 'the name or the id'),
                (dict(polygons='labelme', no_label=0), 'give names of shapes'),
            )
        ),
        (dict(height=dict(path='{}', scale='2')), {}, 'give a number'),
        (dict(height=dict(path=3)), {}, 'path=3, give a pattern'),
        (dict(normals=dict(path='{}', axes=['up'])), {}, 'give text such as'),
        (dict(normals=dict(path='{}', no_label=[0, 1])), {}, 'three numbers'),
        (
            dict(materials='m/{}.png'),
            dict(palettes=dict(materials=[[0, 0, 0]])),
            'one colour per class',
        ),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, labels: dict, options: dict, match: str
) -> None:
    images(tmp_path, 'a')
    with pytest.raises((ValueError, DatasetError), match=match):
        make(tmp_path, labels, **options)


@pytest.mark.parametrize(
    ('name', 'row', 'stored', 'match'),
    [
        ('materials', {}, [[0, 3]], 'holds 3, but the 3 classes'),
        ('materials', dict(first_id=1), [[0, 1]], 'holds 0: classes are'),
        ('materials', dict(ids=[1, 2, 3]), [[0, 1]], 'holds 0, which'),
        (
            'materials',
            dict(colours=[[1, 0, 0], [2, 0, 0], [3, 0, 0]]),
            [[[1, 0, 0], [0, 4, 0]]],
            r'holds \(0, 4, 0\), which',
        ),
        ('cracks', {}, [[0, 7]], r'holds \[0, 7\]'),
        ('height', {}, [[[1, 2, 3]]], 'one value per pixel'),
    ],
)
def test_what_a_file_may_not_hold_is_refused(
    tmp_path: Path, name: str, row: dict, stored: Any, match: str
) -> None:
    with pytest.raises(DatasetError, match=rf'x/a.png.*{match}'):
        read(tmp_path, name, dict(path='x/{}.png', **row), stored)


def test_a_folder_of_two_kinds_of_masks_is_not_read_in_two_ways(
    tmp_path: Path,
) -> None:
    """255 is "no label" in b; a, which has no 1, must not be read as it is.

    Reading b refuses the folder until it says what 255 is.
    """
    images(tmp_path, 'a', 'b', size=(1, 3))
    store(tmp_path, 'm/a.png', [[0, 255, 255]])
    store(tmp_path, 'm/b.png', [[0, 1, 255]])
    labels = dict(cracks='m/{}.png')
    with pytest.raises(EncodingError, match='declare it: no_label=255'):
        [make(tmp_path, labels)[i] for i in range(2)]
    labels = dict(cracks=dict(path='m/{}.png', no_label=255))
    found = [make(tmp_path, labels)[i]['labels']['cracks'] for i in range(2)]
    assert [f.tolist() for f in found] == [[[0, 255, 255]], [[0, 1, 255]]]


def test_halves_are_scaled_as_wide_numbers(tmp_path: Path) -> None:
    row = dict(path='h/{}.npy', scale=1000, no_label=3)
    found = read(tmp_path, 'height', row, [[70.0, 3.0]], dtype=np.float16)
    np.testing.assert_array_equal(found, [[70000.0, NAN]])
    row = dict(path='n/{}.npy', scale=1000, offset=-70000)
    stored = [[[70.0, 70.0, 69.9375]]]
    found = read(tmp_path, 'normals', row, stored, dtype=np.float16)
    assert found.tolist() == [[[0, 0, -62.5]]]


def test_16_bits_that_were_saved_in_colour(tmp_path: Path) -> None:
    images(tmp_path, 'a', size=(1, 2))
    (tmp_path / 'd').mkdir()
    grey = np.repeat(np.uint16([[[5000], [0]]]), 3, axis=2)
    cv2.imwrite(str(tmp_path / 'd/a.png'), grey)
    row = dict(path='d/{}.png', scale=0.001)
    label = make(tmp_path, dict(depth=row))[0]['labels']['depth']
    assert label.tolist() == [[5.0, 0.0]]


@pytest.mark.parametrize('shape', [(1, 2, 4), (1, 2)])
def test_normals_of_other_channels_are_named(
    tmp_path: Path, shape: tuple
) -> None:
    row = dict(path='n/{}.png', no_label=[0, 0, 0])
    with pytest.raises(EncodingError, match=r'n/a.png.*holds uint8 \(1, 2'):
        read(tmp_path, 'normals', row, np.zeros(shape, np.uint8))


def test_names_that_no_shape_has_are_refused(tmp_path: Path) -> None:
    images(tmp_path, 'a', 'b', size=(4, 5))
    store(tmp_path, 'all.json', coco('a.png', 'b.png'))
    row = dict(path='all.json', polygons='coco', names=['crack', 'crak'])
    with pytest.raises(DatasetError, match=r"named 'crak': did .* 'crack'"):
        make(tmp_path, dict(cracks=row))
    for name, shape in (('a', 'dirt'), ('b', 'crack')):
        shapes = labelme((shape, 'polygon', SQUARE))
        store(tmp_path, f'json/{name}.json', shapes)
    row = dict(path='json/{}.json', polygons='labelme', names='crak')
    with pytest.raises(DatasetError, match=r"named 'crak': did .* 'crack'"):
        make(tmp_path, dict(cracks=row))
    # A name that other splits alone have is no mistake.
    (tmp_path / 'train.txt').write_text('a')
    labels = dict(cracks={**row, 'names': 'crack'})
    found = make(tmp_path, labels, splits=dict(train='train.txt'))
    assert not found[0]['labels']['cracks'].any()


def test_corners_are_rounded_to_the_nearest_pixel(tmp_path: Path) -> None:
    images(tmp_path, 'a', size=(4, 5))
    corners = [[0.6, 0.6], [3.4, 0.6], [3.4, 2.4], [0.6, 2.4]]
    store(tmp_path, 'j/a.json', labelme(('crack', 'polygon', corners)))
    row = dict(path='j/{}.json', polygons='labelme')
    label = make(tmp_path, dict(cracks=row))[0]['labels']['cracks']
    assert label.tolist() == DRAWN


@pytest.mark.parametrize('outside', [1, 'stone'])
def test_what_is_outside_has_a_name_or_an_id(
    tmp_path: Path, outside: Any
) -> None:
    images(tmp_path, 'a', size=(4, 5))
    store(tmp_path, 'j/a.json', labelme(('steel', 'polygon', SQUARE)))
    row = dict(path='j/{}.json', polygons='labelme', outside=outside)
    label = make(tmp_path, dict(materials=row))[0]['labels']['materials']
    assert label[1].tolist() == [1, 2, 2, 2, 1]


def test_ids_may_hold_spaces(tmp_path: Path) -> None:
    images(tmp_path, 'north side 1', 'b')
    for name in ('north side 1', 'b'):
        store(tmp_path, f'm/{name}.png', [[0, 0, 0, 255]])
    (tmp_path / 'train.txt').write_text('\n north side 1 \r\nb\n')
    splits = dict(train='train.txt')
    found = make(tmp_path, dict(cracks='m/{}.png'), splits=splits)
    assert [found[i]['sample_id'] for i in (0, 1)] == ['north side 1', 'b']
    assert found[0]['labels']['cracks'].tolist() == [[0, 0, 0, 1]]


def test_labels_are_fitted_to_the_pixel_that_covers_the_centre(
    tmp_path: Path,
) -> None:
    """Centres of 3 pixels lie in the 1st, 3rd and 5th of 5."""
    images(tmp_path, 'a', size=(1, 3))
    store(tmp_path, 'ids/a.png', [[0, 2, 1, 2, 0]])
    labels = dict(materials='ids/{}.png')
    found = make(tmp_path, labels, fit='nearest')[0]['labels']['materials']
    assert found.tolist() == [[0, 1, 0]]
