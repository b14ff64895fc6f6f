"""From PASCAL's downloads to the layout: content, refusals, atomicity."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets import PascalContextMTDataset
from mmmtl.datasets.pascal.conversion import (
    PascalContextSource,
    convert,
)
from mmmtl.errors import DatasetError
from tests.test_datasets.pascal_downloads import VOC_CLASS, write_downloads
from tests.test_datasets.pascal_folder import (
    SIZE,
    TRAIN,
    VAL,
    annotation,
    rectangle,
    stored,
    thing,
    write_file,
)

TASKS = ('semseg', 'human_parts', 'saliency', 'normals', 'edge')


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    return write_downloads(tmp_path / 'downloads')


def load(root: Path, split: str = 'train') -> list[dict]:
    dataset = PascalContextMTDataset(
        root,
        split=split,
        tasks=TASKS,
        serialize_data=False,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
        ],
    )
    return [dataset[index]['labels'] for index in range(len(dataset))]


@pytest.mark.parametrize(
    'workers', [1, pytest.param(2, marks=pytest.mark.slow)]
)
def test_all_labels_arrive(
    folders: dict[str, Path], tmp_path: Path, workers: int
) -> None:
    out = tmp_path / 'out'
    counts = convert(PascalContextSource(**folders), out, workers=workers)
    assert counts == {'train': len(TRAIN), 'val': len(VAL)}
    first, second = load(out)
    assert (first['semseg'] == VOC_CLASS).all()
    # person 284, horse 207 and wall 440 are VOC's 15, 13 and background.
    context = stored()['context']['LabelMap']
    expected = np.select([context == 284, context == 207], [15, 13], 0)
    np.testing.assert_array_equal(second['semseg'], expected)
    assert set(np.unique(second['human_parts'])) == {0, 1, 2, 3, 4, 6}
    assert second['edge'].sum() > 0
    assert second['saliency'].sum() > 0
    assert ((second['normals'] == 0).all(-1) == (context == 207)).all()
    assert len(load(out, 'val')) == 1
    assert {p.name for p in (out / 'semseg/VOC12').iterdir()} == {
        f'{TRAIN[0]}.png'
    }


def test_written_class_maps_have_vocs_colours(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    convert(PascalContextSource(**folders), tmp_path / 'out')
    path = tmp_path / f'out/semseg/pascal-context/{TRAIN[1]}.png'
    with Image.open(path) as picture:
        assert picture.mode == 'P'
        colours = np.asarray(picture.convert('RGB'))
        person = np.asarray(picture) == 15
    assert person.any()
    assert (colours[person] == (192, 128, 128)).all()


def test_without_an_archive_its_tasks_are_left_out(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    source = PascalContextSource(**{**folders, 'distilled': None})
    assert source.tasks() == ('semseg', 'human_parts', 'edge')
    convert(source, tmp_path / 'out')
    assert not (tmp_path / 'out/normals_distill').exists()
    meta = json.loads((tmp_path / 'out/meta.json').read_text())
    assert meta['tasks'] == ['semseg', 'human_parts', 'edge']


def test_half_an_archive_gives_half_of_them(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    shutil.rmtree(folders['distilled'] / 'sal_distill')
    source = PascalContextSource(**folders)
    assert source.tasks() == ('semseg', 'human_parts', 'normals', 'edge')
    shutil.rmtree(folders['distilled'] / 'normals_distill')
    with pytest.raises(DatasetError, match='neither normals_distill/ nor'):
        convert(PascalContextSource(**folders), tmp_path / 'out')


@pytest.mark.parametrize(
    ('name', 'lost', 'message'),
    [
        ('context', '', 'is no folder: name the folder of .mat files'),
        ('voc2012', 'SegmentationClass', 'is no folder: name VOC2012'),
        ('voc2010', 'ImageSets/Main/val.txt', 'split file'),
        ('voc2010', f'JPEGImages/{VAL[0]}.jpg', '1 of 3 files are missing'),
        ('parts', f'{VAL[0]}.mat', '1 of 3 files are missing'),
        ('context', f'{VAL[0]}.mat', '1 of 3 files are missing'),
        (
            'distilled',
            f'sal_distill/{VAL[0]}.png',
            '1 of 3 files are missing',
        ),
    ],
)
def test_missing_downloads(
    folders: dict[str, Path],
    tmp_path: Path,
    name: str,
    lost: str,
    message: str,
) -> None:
    path = folders[name] / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DatasetError, match=message) as caught:
        convert(PascalContextSource(**folders), tmp_path / 'out')
    assert path.name in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['downloads']


BAD = annotation([thing(15, rectangle(slice(4), slice(4)), {'tail': 1.0})])


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('human_parts', BAD, f"human_parts/{VAL[0]}.mat: holds a part 'tail'"),
        (
            'context',
            {'LabelMap': np.full(SIZE, 500)},
            f'pascal-context/trainval/{VAL[0]}.mat: holds 0 to 500',
        ),
        ('context', {'x': 1}, "holds no variable 'LabelMap'"),
        ('saliency', np.zeros((3, 3), np.uint8), 'is 3x3'),
    ],
)
def test_unusable_downloads(
    folders: dict[str, Path],
    tmp_path: Path,
    name: str,
    content: object,
    message: str,
) -> None:
    written = write_file(tmp_path / 'bad', name, VAL[0], content)
    place = {
        'human_parts': folders['parts'],
        'context': folders['context'],
        'saliency': folders['distilled'] / 'sal_distill',
    }
    shutil.copy(written, place[name] / written.name)
    with pytest.raises(DatasetError) as caught:
        convert(PascalContextSource(**folders), tmp_path / 'out')
    text = str(caught.value)
    assert text.startswith(f'download of {VAL[0]}, ')
    assert message in text
    assert '.out.' not in text
    assert not list(tmp_path.glob('*out*'))


def test_truncated_image(folders: dict[str, Path], tmp_path: Path) -> None:
    path = folders['voc2010'] / f'JPEGImages/{TRAIN[1]}.jpg'
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DatasetError, match=rf'{TRAIN[1]}.jpg is unreadable'):
        convert(PascalContextSource(**folders), tmp_path / 'out')


def test_a_folder_with_other_things_is_left_alone(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='not empty'):
        convert(PascalContextSource(**folders), tmp_path / 'out')
    assert (tmp_path / 'out/notes.txt').read_text() == 'mine'
