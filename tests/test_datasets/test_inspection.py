"""Single questions about a folder, and what is written without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets import FolderDataset
from mmmtl.datasets.folder.listing import ids_of_share
from mmmtl.datasets.inspection import (
    Answers,
    OpenQuestionsError,
    Question,
    inspect_folder,
    new_config,
    read_tasks,
)
from mmmtl.errors import DatasetError, UserError
from mmmtl.rooms import render_room
from mmmtl.tasks import Kind, register_tasks
from mmmtl.tasks.kinds import Scalar
from tests.full_disk import full_disk
from tests.own_tasks import own_table

SIZE = (8, 12)
IDS = ['a', 'b', 'c', 'd']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
]


@pytest.fixture(autouse=True)
def _own_rows() -> Iterator[None]:
    with own_table():
        yield


def store(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)


def images(root: Path, pattern: str = 'rgb/{}.png', ids: Any = IDS) -> None:
    for number, sample_id in enumerate(ids):
        picture = np.full((*SIZE, 3), number, np.uint8)
        store(root / pattern.format(sample_id), picture)


def labels(
    root: Path,
    pattern: str,
    values: list,
    dtype: Any = np.uint8,
    ids: Any = IDS,
) -> None:
    """Write the values as the first pixels of each map, zeros elsewhere."""
    for sample_id in ids:
        stored = np.zeros(SIZE, dtype)
        stored.flat[: len(values)] = values
        store(root / pattern.format(sample_id), stored)


def questions(root: Path, kinds: dict, **answers: Any) -> dict[str, Question]:
    """Return what is asked, by option and task."""
    with pytest.raises(OpenQuestionsError) as error:
        inspect_folder(root, read_tasks(kinds), answers=Answers(**answers))
    return {
        f'{question.option} {question.task}'.strip(): question
        for question in error.value.questions
    }


def write(root: Path, kinds: dict, **answers: Any) -> dict[str, Any]:
    """Write a config and return its variables."""
    out = root.parent / 'my_config.py'
    out.unlink(missing_ok=True)
    new_config(root, read_tasks(kinds), out, answers=Answers(**answers))
    variables: dict[str, Any] = {}
    exec(out.read_text(), variables)
    register_tasks(variables.get('new_tasks', {}))
    return variables


def read(variables: dict[str, Any], split: str) -> dict[str, dict]:
    """Return the labels of a split by sample id."""
    stated = variables[f'{split}_dataloader']['dataset']
    stated = {**stated, 'pipeline': PIPELINE, 'split': split, 'tasks': None}
    dataset = FolderDataset(**stated, serialize_data=False)
    return {sample['sample_id']: sample['labels'] for sample in dataset}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / 'data'


def test_all_that_is_open_is_asked_at_once(root: Path) -> None:
    images(root)
    labels(root, 'depth/{}.png', [2000, 3000, 65535], np.uint16)
    labels(root, 'materials/{}.png', [0, 1, 2])
    labels(root, 'edge_x/{}.png', [255])
    labels(root, 'edge_y/{}.png', [255])
    found = questions(root, dict(depth=None, materials='classes', edge=None))
    assert set(found) == {
        '--no-label depth',
        '--encoding depth',
        '--no-label materials',
        '--labels edge',
    }
    assert found['--no-label materials'].choices == ('0', 'nothing')
    assert 'millimetres' in found['--encoding depth'].choices
    assert 'metres' not in found['--encoding depth'].choices
    edges = ('edge_x/{}.png', 'edge_y/{}.png')
    assert found['--labels edge'].choices == edges
    assert "--labels 'edge=edge_x/{}.png'" in str(found['--labels edge'])


def test_one_255_means_the_same_in_every_file(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [1, 255])
    # By itself this file would be read as a mask of 0 and 255.
    stored = np.zeros(SIZE, np.uint8)
    stored[0, 0] = 255
    store(root / 'cracks/b.png', stored)
    variables = write(
        root, dict(cracks='binary'), splits=dict(train='0.5', val='0.5')
    )
    both = read(variables, 'train') | read(variables, 'val')
    assert both['b']['cracks'][0, 0] == 255
    assert both['a']['cracks'][0, :3].tolist() == [1, 255, 0]


def test_a_mask_that_may_be_inverted_is_asked_about(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255] * 60)
    asked = questions(root, dict(cracks='binary'))
    assert asked['--encoding cracks'].choices == ('255', '0')
    variables = write(root, dict(cracks='binary'), encoding=dict(cracks='0'))
    assert variables['folder']['labels']['cracks']['ids'] == [255, 0]


def test_soft_masks_are_cut_where_the_user_says(root: Path) -> None:
    images(root)
    labels(root, 'saliency/{}.png', [10, 127, 128, 200, 255])
    kinds = dict(saliency=None)
    assert '128-255' in questions(root, kinds)['--encoding saliency'].choices
    variables = write(root, kinds, encoding=dict(saliency='128-255'))
    found = next(iter(read(variables, 'train').values()))['saliency']
    assert found[0, :6].tolist() == [0, 0, 1, 1, 1, 0]


def test_a_scalar_starts_from_its_mean_and_spread(root: Path) -> None:
    images(root)
    rng = np.random.default_rng(0)
    values = 5 + 2 * rng.standard_normal(SIZE)
    for sample_id in IDS:
        store(root / f'height/{sample_id}.npy', values)
    finding = inspect_folder(root, read_tasks(dict(height='scalar')))
    assert finding.labels[0].mean == pytest.approx(values.mean())
    assert finding.labels[0].spread == pytest.approx(values.std())
    row = write(root, dict(height='scalar'))['new_tasks']['height']
    assert row == dict(
        kind='scalar',
        mean=float(f'{values.mean():.3g}'),
        spread=float(f'{values.std():.3g}'),
    )


def test_depth_starts_from_its_mean_in_crops_of_the_images(
    root: Path,
) -> None:
    for number, sample_id in enumerate(IDS):
        picture = np.full((4, 700, 3), number, np.uint8)
        store(root / f'rgb/{sample_id}.png', picture)
        depth = np.full((4, 700), 2 + number, np.float32)
        store(root / f'depth/{sample_id}.npy', depth)
    encoding = dict(depth='metres')
    no_label = dict(depth='nothing')
    variables = write(
        root, dict(depth=None), encoding=encoding, no_label=no_label
    )
    assert variables['task_outputs'] == dict(depth=dict(initial_bias=3.5))
    (crop,) = (
        step['crop_size']
        for step in variables['train_pipeline']
        if 'crop_size' in step
    )
    # Wide ones are cut: memory grows with them.
    assert crop == (4, 640)


def test_depth_divided_by_its_range_is_no_metre(root: Path) -> None:
    images(root)
    rng = np.random.default_rng(0)
    for sample_id in IDS:
        store(root / f'depth/{sample_id}.npy', rng.uniform(0.2, 1, SIZE))
    choices = questions(root, dict(depth=None))['--encoding depth'].choices
    assert {'metres', 'STEP', 'inverse*STEP'} <= set(choices)


def views(root: Path, frame: str, *, wall: bool = False) -> None:
    """Write depth and normals, their channels pointing as said."""
    axes = dict(right=0, left=0, down=1, up=1, forward=2, towards=2)
    for seed, sample_id in enumerate(IDS):
        room = render_room(seed, 48, 64)
        depth, normals = room.depth, room.normals
        if wall:  # seen from the front
            depth = np.full_like(depth, 2 + seed)
            normals = np.zeros_like(normals)
            normals[..., 2] = -1
        store(root / f'rgb/{sample_id}.png', room.image)
        store(root / f'depth/{sample_id}.npy', depth)
        channels = [
            normals[..., axes[word]]
            * (-1 if word in ('left', 'up', 'towards') else 1)
            for word in frame.split()
        ]
        stored = (np.stack(channels, -1) + 1) * 127.5
        store(root / f'normals/{sample_id}.png', stored.round().astype('u1'))


@pytest.mark.parametrize(
    'frame', ['right down forward', 'left up towards', 'up forward right']
)
def test_depth_says_in_which_frame_normals_are(root: Path, frame: str) -> None:
    views(root, frame)
    finding = inspect_folder(root, read_tasks(dict(depth=None, normals=None)))
    depth, normals = finding.labels
    assert dict(depth.settings) == dict(path='depth/{}.npy')
    assert normals.settings.get('axes', 'right down forward') == frame
    # Alone they leave more than one frame open.
    asked = questions(root, dict(normals=None))['--encoding normals']
    assert frame in asked.choices
    assert 1 < len(asked.choices) < 48


def test_a_wall_from_the_front_leaves_the_frame_open(root: Path) -> None:
    views(root, 'left up towards', wall=True)
    kinds = dict(depth=None, normals=None)
    # Nothing is slanted, so the form of the depth is open as well.
    asked = questions(root, kinds, encoding=dict(depth='metres'))
    assert set(asked) >= {'--encoding normals'}
    choices = asked['--encoding normals'].choices
    assert {'left up towards', 'right up towards'} <= set(choices)
    assert 'left up forward' not in choices


def test_inverse_depth_says_nothing_of_the_frame(root: Path) -> None:
    views(root, 'left up towards')
    for path in (root / 'depth').iterdir():
        np.save(path, 1 / np.load(path))
    kinds = dict(depth=None, normals=None)
    asked = questions(root, kinds, encoding=dict(depth='inverse'))
    # Planes are bent in it, so that another frame fits better.
    assert 'left up towards' in asked['--encoding normals'].choices


def test_a_kind_that_says_nothing_is_read_plainly(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('absent_values', 'encodings', 'encoding'):
        monkeypatch.setattr(Scalar, name, getattr(Kind, name))
    images(root)
    labels(root, 'slope/{}.png', [90] * 96)
    finding = inspect_folder(root, read_tasks(dict(slope='scalar')))
    assert finding.labels[0].mean == 90
    assert dict(finding.labels[0].settings) == dict(path='slope/{}.png')


def test_files_are_told_apart_by_what_they_hold(root: Path) -> None:
    images(root, '{}.jpg')
    labels(root, 'x/{}.png', [1, 2, 3])
    labels(root, 'y/{}.npy', [0.5, 1.5, 2.5, 3.5, 4.5], np.float32)
    # Reals cannot be classes, so the other files are the heights.
    asked = questions(root, dict(materials='classes', height='scalar'))
    assert set(asked) == {'--no-label materials', '--no-label height'}
    assert asked['--no-label height'].choices == ('0', 'nothing')
    # Both may be heights.
    asked = questions(root, dict(height='scalar'))
    assert asked['--labels height'].choices == ('x/{}.png', 'y/{}.npy')


def test_two_tasks_never_share_files_silently(root: Path) -> None:
    images(root)
    labels(root, 'edge_texture/{}.png', [255])
    asked = questions(root, dict(edge=None, edges2d=None))
    assert {'--labels edge', '--labels edges2d'} <= set(asked)


def test_scenes_with_the_same_names_are_not_left_out(root: Path) -> None:
    for scene, ids in dict(north=IDS, south=['a', 'b']).items():
        images(root / scene, ids=ids)
        labels(root / scene, 'cracks/{}.png', [255])
    variables = write(root, dict(cracks='binary'))
    assert variables['folder']['image'] == '{scene}/rgb/{}.png'
    found = read(variables, 'train') | read(variables, 'val')
    both = [*(f'north/{i}' for i in IDS), 'south/a', 'south/b']
    assert sorted(found) == both
    for sample_id in ('a', 'b'):
        (root / f'south/rgb/{sample_id}.png').unlink()
    images(root / 'south', ids=['e', 'f'])
    labels(root / 'south', 'cracks/{}.png', [255], ids=['e', 'f'])
    for sample_id in ('a', 'b', 'c', 'd'):
        (root / f'south/cracks/{sample_id}.png').unlink()
    # Names that are all different need no folder.
    variables = write(root, dict(cracks='binary'))
    found = read(variables, 'train') | read(variables, 'val')
    assert sorted(found) == [*IDS, 'e', 'f']


def test_scenes_deep_below(root: Path) -> None:
    for number, scene in enumerate(('x', 'y')):
        images(root / f'scans/{scene}/cam', ids=IDS)
        # Each label tells to which image it belongs.
        for place, sample_id in enumerate(IDS):
            mask = np.zeros(SIZE, np.uint8)
            mask.flat[4 * number + place] = 255
            store(root / f'scans/{scene}/cam/cracks/{sample_id}.png', mask)
    variables = write(root, dict(cracks='binary'))
    found = read(variables, 'train') | read(variables, 'val')
    places = {i: int(x['cracks'].argmax()) for i, x in found.items()}
    wanted = [f'{scene}/{i}' for scene in 'xy' for i in IDS]
    assert places == dict(zip(wanted, range(8), strict=True))


def test_folders_of_train_and_val(root: Path) -> None:
    for split, ids in dict(train=['a', 'b', 'c'], val=['d', 'e']).items():
        images(root / split, ids=ids)
        for sample_id in ids:
            mask = np.zeros(SIZE, np.uint8)
            mask[0, 0] = 255
            store(root / split / f'cracks/{sample_id}.png', mask)
    variables = write(root, dict(cracks='binary'))
    assert list(read(variables, 'train')) == ['a', 'b', 'c']
    assert list(read(variables, 'val')) == ['d', 'e']


def test_splits_inside_the_ids_become_lists(root: Path) -> None:
    ids = ['train/a', 'train/b', 'val/a', 'test/c']
    images(root, ids=ids)
    for sample_id in ids:
        mask = np.zeros(SIZE, np.uint8)
        mask[0, 0] = 255
        store(root / f'cracks/{sample_id}.png', mask)
    variables = write(root, dict(cracks='binary'))
    assert list(read(variables, 'train')) == ['train/a', 'train/b']
    # A test set stays out of both.
    assert list(read(variables, 'val')) == ['val/a']
    listed = (root.parent / 'my_config_train.txt').read_text()
    assert listed.split() == ['train/a', 'train/b']


def test_lists_of_other_names_are_not_passed_over(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255])
    (root / 'train.txt').write_text('a.png\nb.png')
    (root / 'val.txt').write_text('c\nd')
    asked = questions(root, dict(cracks='binary'))['--splits']
    assert 'train.txt names other samples' in asked.text
    # Only shares are left to choose.
    assert [choice.split('=')[1][0] for choice in asked.choices] == ['0']
    (root / 'train.txt').write_text('a\nb')
    variables = write(root, dict(cracks='binary'))
    assert list(read(variables, 'train')) == ['a', 'b']


def test_labels_of_another_size(root: Path) -> None:
    images(root)
    for sample_id in IDS:
        half = np.zeros((4, 6), np.uint8)
        half[0, 0] = 255
        store(root / f'cracks/{sample_id}.png', half)
    asked = questions(root, dict(cracks='binary'))
    assert '4x6, its image 8x12' in asked['--fit cracks'].text
    kinds, fit = dict(cracks='binary'), dict(cracks='nearest')
    found = read(write(root, kinds, fit=fit), 'train')
    assert next(iter(found.values()))['cracks'].sum() == 4


def test_images_without_a_label_are_used(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255])
    (root / 'cracks/b.png').unlink()
    (root / 'train.txt').write_text('a\nb\nc')
    (root / 'val.txt').write_text('d')
    variables = write(root, dict(cracks='binary'))
    assert variables['folder']['labels']['cracks']['missing'] == 'no_label'
    (root / 'cracks/b2.png').write_bytes((root / 'cracks/a.png').read_bytes())
    finding = inspect_folder(root, read_tasks(dict(cracks='binary')))
    notes = '\n'.join(finding.notes)
    assert '1 images have none, 1 more files have no image' in notes
    found = read(variables, 'train')
    assert list(found) == ['a', 'b', 'c']
    assert 'cracks' in found['a']
    assert 'cracks' not in found['b']


@pytest.mark.parametrize(
    ('names', 'classes', 'settings'),
    [
        (['x', 'y', 'z'], ['x', 'y', 'z'], dict(ids=[1, 2, 5])),
        # 3 and 4 did not occur.
        (list('vwxyz'), list('vwxyz'), dict(first_id=1)),
        (None, ['id_1', 'id_2', 'id_5'], dict(ids=[1, 2, 5])),
    ],
)
def test_names_of_classes(
    root: Path, names: list | None, classes: list, settings: dict
) -> None:
    images(root)
    for sample_id in IDS:
        stored = np.ones(SIZE, np.uint8)
        stored[0, :3] = [2, 5, 255]
        store(root / f'materials/{sample_id}.png', stored)
    named = {} if names is None else dict(classes=dict(materials=names))
    folder = write(root, dict(materials='classes'), **named)['folder']
    assert folder['classes']['materials'] == classes
    row = folder['labels']['materials']
    assert {k: row[k] for k in settings} == settings
    assert row['no_label'] in (255, [255])
    with pytest.raises(UserError, match='names 4 classes'):
        write(
            root,
            dict(materials='classes'),
            classes=dict(materials=['a', 'b', 'c', 'd']),
        )


def test_what_cannot_be_is_refused_by_name(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [0])
    with pytest.raises(DatasetError, match=r'cracks/{}\.png: holds 0 only'):
        inspect_folder(root, read_tasks(dict(cracks='binary')))
    with pytest.raises(UserError, match='no files can be its labels'):
        inspect_folder(root, read_tasks(dict(cracks='binary', depth=None)))
    with pytest.raises(UserError, match='no two pictures'):
        inspect_folder(root / 'cracks', read_tasks(dict(depth=None)))


def test_nothing_is_overwritten(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255])
    tasks = read_tasks(dict(cracks='binary'))
    out = root.parent / 'my_config.py'
    with pytest.raises(UserError, match='demt swin-t'):
        new_config(root, tasks, out, backbone='swin-x')
    new_config(root, tasks, out)
    with pytest.raises(UserError, match='exists already'):
        new_config(root, tasks, out)


def test_a_full_disk_leaves_no_config(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255])
    tasks = read_tasks(dict(cracks='binary'))
    out = root.parent / 'full' / 'my_config.py'
    with full_disk(100), pytest.raises(OSError, match='too large'):
        new_config(root, tasks, out)
    assert list(out.parent.glob('*.py')) == []
    new_config(root, tasks, out)


def test_tasks_of_a_command_line() -> None:
    depth, height = read_tasks(
        dict(depth=None, height='scalar'), dict(height='m')
    )
    assert depth.kind_name == 'depth'
    assert height.kind.unit == 'm'
    with pytest.raises(UserError, match='say its kind'):
        read_tasks(dict(height=None))
    with pytest.raises(UserError, match="known task of kind 'depth'"):
        read_tasks(dict(depth='scalar'))


def optimised(mask: np.ndarray, number: int) -> Image.Image:
    """Return a mask whose palette starts with black, or with white."""
    swapped = number % 2
    picture = Image.fromarray(mask ^ swapped).convert('P')
    black_white = [0, 0, 0, 255, 255, 255]
    picture.putpalette(black_white[::-1] if swapped else black_white)
    return picture


def test_palettes_that_differ_are_asked_about(root: Path) -> None:
    images(root)
    mask = np.zeros(SIZE, np.uint8)
    mask[0, :3] = 1
    (root / 'cracks').mkdir()
    for number, sample_id in enumerate(IDS):
        optimised(mask, number).save(root / f'cracks/{sample_id}.png')
    asked = questions(root, dict(cracks='binary'))
    assert set(asked) == {'--palette cracks'}
    assert asked['--palette cracks'].choices == ('colours', 'indices')
    assert (
        'index 0 is the colour (0, 0, 0) in' in asked['--palette cracks'].text
    )
    colours = dict(palette=dict(cracks='colours'))
    variables = write(root, dict(cracks='binary'), **colours)
    found = read(variables, 'train') | read(variables, 'val')
    for sample in found.values():
        np.testing.assert_array_equal(sample['cracks'], mask)
    # A picture without indices settles it.
    pixels = np.repeat(255 * mask[..., None], 3, axis=2)
    pixels[0, :3, 0] = 254
    Image.fromarray(pixels).save(root / 'cracks/d.png')
    assert '--palette cracks' not in questions(root, dict(cracks='binary'))
    # Of one palette the indices count.
    for sample_id in IDS:
        optimised(mask, 0).save(root / f'cracks/{sample_id}.png')
    folder = write(root, dict(cracks='binary'))['folder']
    assert folder['labels']['cracks']['ids'] == [0, 1]


@pytest.mark.parametrize('kind', ['classes', 'scalar'])
def test_colours_to_look_at_leave_the_indices(root: Path, kind: str) -> None:
    """Index 1 is red in one file and green in the next."""
    images(root)
    (root / 'wear').mkdir()
    ids = np.arange(SIZE[0] * SIZE[1], dtype=np.uint8).reshape(SIZE) % 3 + 1
    for number, sample_id in enumerate(IDS):
        picture = Image.fromarray(ids).convert('P')
        picture.putpalette(np.roll(np.arange(768) % 251, number).tolist())
        picture.save(root / f'wear/{sample_id}.png')
    kinds: dict = dict(wear=kind)
    given: dict = dict(no_label=dict(wear='nothing'))
    if kind == 'scalar':
        given |= dict(encoding=dict(wear='1'))
    assert set(questions(root, kinds)) == {'--palette wear'}
    indices = dict(palette=dict(wear='indices'))
    variables = write(root, kinds, **given, **indices)
    found = read(variables, 'train') | read(variables, 'val')
    for sample in found.values():
        first = 1 if kind == 'classes' else 0
        np.testing.assert_array_equal(sample['wear'], ids - first)
    if kind == 'scalar':
        colours = dict(palette=dict(wear='colours'))
        with pytest.raises(DatasetError, match="of kind 'scalar' cannot be"):
            write(root, kinds, **given, **colours)


def test_ids_in_a_jpeg_are_refused(root: Path) -> None:
    images(root)
    labels(root, 'materials/{}.jpg', [0, 1, 2])
    with pytest.raises(DatasetError, match=r'JPEG.*write them again as .png'):
        inspect_folder(root, read_tasks(dict(materials='classes')))


def test_255_beside_many_ids_may_be_no_label_of_a_mask(root: Path) -> None:
    images(root)
    labels(root, 'person/{}.png', [1, 2, 3, 4, 5, 255])
    kinds = dict(person='binary')
    asked = questions(root, kinds, encoding=dict(person='5'))
    assert asked['--no-label person'].choices == ('255', 'nothing')
    variables = write(
        root,
        kinds,
        no_label=dict(person='255'),
        encoding=dict(person='1-255'),
    )
    found = next(iter(read(variables, 'train').values()))['person']
    assert found[0, :7].tolist() == [1, 1, 1, 1, 1, 255, 0]


def test_a_mask_of_real_numbers_is_refused(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.npy', [0.25, 0.5], np.float32)
    with pytest.raises(DatasetError, match='float32: write a mask as whole'):
        inspect_folder(root, read_tasks(dict(cracks='binary')))


@pytest.mark.parametrize('what', ['image', 'labels'])
def test_no_suffix_is_left_out_silently(root: Path, what: str) -> None:
    ids = [f'{number:02d}' for number in range(20)]
    images(root, ids=ids)
    labels(root, 'cracks/{}.png', [255], ids=ids)
    folder = root / dict(image='rgb', labels='cracks')[what]
    # As few as these are no rival of the others.
    (folder / '07.png').rename(folder / '07.PNG')
    kinds = dict(cracks='binary')
    task = '' if what == 'image' else 'cracks'
    (question,) = questions(root, kinds).values()
    pattern = f'{folder.name}/{{}}.'
    assert (question.option, question.task) == (f'--{what}', task)
    assert question.choices == tuple(pattern + s for s in ('*', 'png', 'PNG'))
    answer: Any = {'cracks': question.choices[0]} if task else pattern + '*'
    variables = write(root, kinds, **{what: answer})
    found = read(variables, 'train') | read(variables, 'val')
    assert [i for i in found if 'cracks' in found[i]] == list(found)
    assert sorted(found) == ids
    # Half of them are asked about as rivals.
    for sample_id in ids[10:]:
        (folder / f'{sample_id}.png').rename(folder / f'{sample_id}.PNG')
    (question,) = questions(root, kinds).values()
    assert question.choices[0] == pattern + '*'


def test_other_pictures_of_the_same_folder_are_no_suffix(root: Path) -> None:
    images(root, '{}.jpg')
    labels(root, '{}_mask.png', [255])
    assert write(root, dict(mask='binary'))['folder']['image'] == '{}.jpg'


@pytest.mark.parametrize(
    ('lists', 'words', 'first'),
    [
        (dict(test='d'), 'test.txt is a list, but none is for training', ''),
        (dict(val='d'), 'val.txt is a list, but none is for training', ''),
        (dict(train='a'), 'train.txt is a list, but none is for valid', ''),
        (dict(train='a', test='d'), 'several', 'train=train.txt val=test.txt'),
    ],
)
def test_no_list_is_passed_over(
    root: Path, lists: dict, words: str, first: str
) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255])
    for name, listed in lists.items():
        (root / f'{name}.txt').write_text(listed)
    asked = questions(root, dict(cracks='binary'))['--splits']
    assert words in asked.text
    assert asked.choices[0].startswith(first or 'train=0.')


def test_lists_need_no_shares(root: Path) -> None:
    # By every share both would be in one part.
    ids = ids_of_share(map(str, range(9)), dict(train=0.5, val=0.5), 'train')
    images(root, ids=ids[:2])
    labels(root, 'cracks/{}.png', [255], ids=ids[:2])
    with pytest.raises(DatasetError, match='2 images cannot be divided'):
        inspect_folder(root, read_tasks(dict(cracks='binary')))
    (root / 'train.txt').write_text(ids[0])
    (root / 'val.txt').write_text(ids[1])
    variables = write(root, dict(cracks='binary'))
    assert list(read(variables, 'val')) == [ids[1]]


def test_a_note_on_tests_is_no_list(root: Path) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255])
    (root / 'test_notes.txt').write_text('taken in May')
    write(root, dict(cracks='binary'))


def test_images_beside_the_splits_are_in_neither(root: Path) -> None:
    ids = ['train/a', 'train/b', 'eval/a', 'more/c']
    images(root, ids=ids)
    labels(root, 'cracks/{}.png', [255], ids=ids)
    variables = write(root, dict(cracks='binary'))
    assert list(read(variables, 'train')) == ['train/a', 'train/b']
    assert list(read(variables, 'val')) == ['eval/a']
    finding = inspect_folder(root, read_tasks(dict(cracks='binary')))
    assert finding.splits.why.endswith('1 images are in neither')


def test_lists_are_found_from_a_linked_folder(root: Path) -> None:
    ids = ['train/a', 'train/b', 'val/a']
    images(root, ids=ids)
    labels(root, 'cracks/{}.png', [255], ids=ids)
    link = root.parent / 'project/data/bridges'
    link.parent.mkdir(parents=True)
    link.symlink_to(root)
    variables = write(link, dict(cracks='binary'))
    assert list(read(variables, 'val')) == ['val/a']


def test_folders_without_labels_of_a_task_are_refused(root: Path) -> None:
    for split, name in dict(train='cracks', val='masks').items():
        images(root / split)
        labels(root / split, name + '/{}.png', [255])
    with pytest.raises(UserError, match=r'no file cracks/{}\.png in .*val'):
        inspect_folder(root, read_tasks(dict(cracks='binary')))


def test_each_share_has_labels_of_every_task(root: Path) -> None:
    ids = [f'{number:02d}' for number in range(20)]
    images(root, ids=ids)
    # By 0.8 and 0.2 all of these would be in one part.
    few = ids_of_share(ids, dict(train=0.8, val=0.2), 'train')
    labels(root, 'cracks/{}.png', [255], ids=few)
    variables = write(root, dict(cracks='binary'))
    for split in ('train', 'val'):
        assert any(
            'cracks' in found for found in read(variables, split).values()
        )


@pytest.mark.parametrize('value', [-9999, 9999])
def test_a_single_value_far_from_the_others_is_asked_about(
    root: Path, value: float
) -> None:
    images(root)
    values = np.linspace(1, 2, SIZE[0] * SIZE[1], dtype=np.float32)
    for sample_id in IDS:
        store(root / f'height/{sample_id}.npy', values.reshape(SIZE))
    values[7] = value
    store(root / 'height/a.npy', values.reshape(SIZE))
    asked = questions(root, dict(height='scalar'))['--no-label height']
    assert asked.choices == (str(value), 'nothing')


def test_files_are_opened_evenly_and_rare_ids_are_classes(root: Path) -> None:
    ids = [f'{number:02d}' for number in range(10)]
    images(root, ids=ids)
    labels(root, 'materials/{}.png', [1, 2, 4], ids=ids)
    labels(root, 'materials/{}.png', [1, 3], ids=ids[1:2])
    labels(root, 'materials/{}.png', [1, 6], ids=ids[-1:])
    finding = inspect_folder(
        root,
        read_tasks(dict(materials='classes')),
        answers=Answers(no_label=dict(materials='nothing')),
        limit=4,
    )
    # The last file is opened; the second is not.
    (found,) = finding.labels
    assert found.classes == [f'id_{number}' for number in range(7)]
    assert found.shares[3] == 0 < found.shares[6]


def test_usual_steps_of_whole_numbers_are_offered(root: Path) -> None:
    images(root)
    labels(root, 'height/{}.png', range(900, 996), np.uint16)
    choices = questions(root, dict(height='scalar'))['--encoding height']
    assert {'1', '1/1000', '1/65535', 'STEP'} <= set(choices.choices)


def test_content_names_shares_of_all_pixels(root: Path) -> None:
    images(root)
    values = np.linspace(1, 2, SIZE[0] * SIZE[1], dtype=np.float32)
    values[:24] = -9999
    for sample_id in IDS:
        store(root / f'height/{sample_id}.npy', values.reshape(SIZE))
    asked = questions(root, dict(height='scalar'))['--no-label height']
    assert '-9999: 25.0%' in asked.text
    assert 'to 2,' in asked.text


@pytest.mark.parametrize(
    ('pattern', 'words'),
    [
        ('cracks/{}.json', "polygons='labelme'"),
        ('cracks/{}.npz', 'write it again, as a picture such as'),
    ],
)
def test_other_formats_are_refused_with_what_to_do(
    root: Path, pattern: str, words: str
) -> None:
    images(root)
    (root / 'cracks').mkdir()
    for sample_id in IDS:
        (root / pattern.format(sample_id)).write_bytes(b'{}')
    with pytest.raises(ValueError, match=words):
        inspect_folder(
            root,
            read_tasks(dict(cracks='binary')),
            answers=Answers(labels=dict(cracks=pattern)),
        )


def test_capital_suffixes_are_read(root: Path) -> None:
    images(root, 'rgb/{}.PNG')
    for sample_id in IDS:
        path = root / f'depth/{sample_id}.NPY'
        path.parent.mkdir(exist_ok=True)
        with path.open('wb') as file:
            np.save(file, np.full(SIZE, 2, np.float32))
    encoding = dict(depth='metres')
    variables = write(root, dict(depth=None), encoding=encoding)
    found = next(iter(read(variables, 'train').values()))
    assert (found['depth'] == 2).all()


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(limit=0), '--limit 0: open 1'),
        (dict(fit=dict(cracks='no')), '--fit cracks=no: give nearest'),
        (dict(palette=dict(cracks='x')), 'cracks=x: give colours or indices'),
        (dict(classes=dict(cracks=['x'])), "kind 'binary' has none"),
        (dict(splits=dict(train='0.8', val='0.5')), 'their sum at most 1'),
        (dict(splits=dict(train='0.8', val='b.txt')), 'for each a share'),
        (dict(splits=dict(train='a.txt', val='no.txt')), 'no.txt is missing'),
        (dict(splits=dict(train='b.txt', val='a.txt')), "b.txt names 'a.png'"),
    ],
)
def test_answers_that_mean_nothing_are_refused(
    root: Path, options: dict, words: str
) -> None:
    images(root)
    labels(root, 'cracks/{}.png', [255])
    (root / 'a.txt').write_text('a')
    (root / 'b.txt').write_text('a.png')
    limit = options.pop('limit', 200)
    with pytest.raises(ValueError, match=words):
        inspect_folder(
            root,
            read_tasks(dict(cracks='binary')),
            answers=Answers(**options),
            limit=limit,
        )


def test_known_tasks_have_their_unit() -> None:
    with pytest.raises(UserError, match='--encoding depth='):
        read_tasks(dict(depth=None), dict(depth='mm'))
