"""The data configs of SCA-MTL and MulT, on folders of rendered rooms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.models.postprocess import undo_augmentation
from mmmtl.registry import DATASETS, TRANSFORMS, build_in_scope
from mmmtl.rooms.produce import produce
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS, get_task


def write_rooms(
    folder: Path, layout: str, size: tuple[int, int] = (60, 80)
) -> Path:
    order = order_rooms(
        layout=layout,
        num_train=1,
        num_val=1,
        height=size[0],
        width=size[1],
        seed=4,
    )
    produce(order, folder / layout)
    return folder / layout


@pytest.fixture(scope='module')
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Rooms by the name of the data config that reads them."""
    root = tmp_path_factory.mktemp('rooms')
    nyud = write_rooms(root, 'nyud')
    pascal = write_rooms(root, 'pascal_context')
    full = write_rooms(root / 'full', 'nyud', (480, 640))
    (full / 'depth_raw').mkdir()
    for path in (full / 'depth').iterdir():
        # Nothing is measured beyond three quarters of the farthest.
        depth = np.load(path)
        raw = np.where(depth > 0.75 * depth.max(), 0, depth).squeeze()
        # Outside of the box, where it must not count.
        depth[:4] = 9.5
        np.save(path, depth)
        stored = np.round(raw * 1000).astype(np.uint16)
        Image.fromarray(stored).save(full / f'depth_raw/{path.stem}.png')
    return {
        'nyud-sca': nyud,
        'nyud-mult': nyud,
        'pascal-context-sca': pascal,
        'pascal-context-mult': pascal,
        'nyud-full-frame': full,
    }


def read(
    repo_root: Path, folders: dict[str, Path], name: str, part: str
) -> dict:
    """Return a packed sample of a part; part 'tta' gives lists of views."""
    file = repo_root / f'configs/_base_/datasets/{name}.py'
    config = Config.fromfile(file)
    loader = 'test' if part == 'tta' else part
    settings = config[f'{loader}_dataloader'].dataset
    settings.data_root = str(folders[name])
    if part == 'tta':
        settings.pipeline = config.tta_pipeline
    return build_in_scope(DATASETS, settings)[0]


def assert_labels(sample: MultiTaskDataSample, size: tuple[int, int]) -> None:
    found = [task for task in TASKS if sample.has_gt(task)]
    assert 'semseg' in found
    for task in found:
        label = sample.get_gt(task)
        assert label.shape == (get_task(task).kind.components, *size)


@pytest.mark.parametrize(
    ('name', 'size'),
    [
        ('nyud-sca', (480, 640)),
        ('pascal-context-sca', (512, 512)),
        # 60 x 80 is smaller than the windows; PASCAL's are padded to them.
        ('nyud-mult', (60, 80)),
        ('pascal-context-mult', (464, 464)),
        ('nyud-full-frame', (464, 464)),
    ],
)
def test_training_samples_have_one_size(
    repo_root: Path,
    folders: dict[str, Path],
    name: str,
    size: tuple[int, int],
) -> None:
    packed = read(repo_root, folders, name, 'train')
    assert packed['inputs'].shape == (3, *size)
    assert_labels(packed['data_samples'], size)


@pytest.mark.parametrize('part', ['val', 'test'])
@pytest.mark.parametrize(
    ('name', 'size'),
    [
        ('nyud-sca', (480, 640)),
        ('pascal-context-sca', (512, 512)),
        ('nyud-mult', (60, 80)),
        ('pascal-context-mult', (512, 512)),
        ('nyud-full-frame', (464, 464)),
    ],
)
def test_predictions_meet_labels_of_the_original_size(
    repo_root: Path,
    folders: dict[str, Path],
    name: str,
    size: tuple[int, int],
    part: str,
) -> None:
    packed = read(repo_root, folders, name, part)
    assert packed['inputs'].shape == (3, *size)
    sample = packed['data_samples']
    original = (480, 640) if name == 'nyud-full-frame' else (60, 80)
    assert_labels(sample, original)
    logits = torch.zeros(5, *size)
    back = undo_augmentation('semseg', logits, sample.metainfo)
    assert back.shape == (5, *original)


@pytest.mark.parametrize(
    'name', ['nyud-sca', 'pascal-context-sca', 'nyud-full-frame']
)
def test_views_of_the_test_are_the_picture_and_its_mirror(
    repo_root: Path, folders: dict[str, Path], name: str
) -> None:
    packed = read(repo_root, folders, name, 'tta')
    still, mirrored = packed['inputs']
    assert torch.equal(still, mirrored.flip(-1))
    # A map that is a function of the picture comes back the same from both.
    back = [
        undo_augmentation('depth', view[:1].float(), sample.metainfo)
        for view, sample in zip(
            packed['inputs'], packed['data_samples'], strict=True
        )
    ]
    torch.testing.assert_close(*back, atol=1e-3, rtol=0)


def test_enlarging_brings_the_room_nearer(
    repo_root: Path, folders: dict[str, Path]
) -> None:
    """Depth of a drawn 1.5 is that of the still picture over 1.5."""
    root = folders['nyud-sca']
    name = (root / 'gt_sets/train.txt').read_text().split()[0]
    middle = np.load(root / f'depth/{name}.npy').squeeze()[28:32, 38:42]
    seen = set()
    for _ in range(12):
        sample = read(repo_root, folders, 'nyud-sca', 'train')['data_samples']
        zoom = sample.metainfo['zoom']
        # Two of the original pixels in each direction.
        found = sample.get_gt('depth')[0, 232:248, 312:328] * zoom
        assert middle.min() - 1e-4 <= found.min()
        assert found.max() <= middle.max() + 1e-4
        seen.add(zoom)
    assert seen == {1.0, 1.2, 1.5}


def test_full_frames_count_inside_the_window_only(
    repo_root: Path, folders: dict[str, Path]
) -> None:
    """Columns 43 + 50 to 557, rows 8 to 472 of the released code."""
    sample = read(repo_root, folders, 'nyud-full-frame', 'val')
    sample = sample['data_samples']
    assert sample.metainfo['crop_box'] == (93, 8, 557, 472)
    outside = torch.ones(480, 640, dtype=torch.bool)
    outside[8:472, 93:557] = False
    semseg, depth = (sample.get_gt(task)[0] for task in ('semseg', 'depth'))
    assert (semseg[outside] == 255).all()
    assert (depth[outside] == 0).all()
    # 41 ids, of which 0 is never a label.
    assert semseg[~outside].min() >= 1
    assert (depth[~outside] > 0).all()


def test_full_frames_measure_depth_scaled_in_the_box(
    repo_root: Path, folders: dict[str, Path]
) -> None:
    """Columns 43 to 607 and rows 8 to 471, more than the window."""
    root = folders['nyud-full-frame']
    sample = read(repo_root, folders, 'nyud-full-frame', 'val')
    found = sample['data_samples'].get_gt('depth')[0].numpy()
    name = (root / 'gt_sets/val.txt').read_text().split()[0]
    depth = np.load(root / f'depth/{name}.npy').squeeze()
    raw = np.asarray(Image.open(root / f'depth_raw/{name}.png')) / 1000
    box = (slice(8, 472), slice(43, 608))
    factor = raw[box].max() / depth.clip(max=10)[box].max()
    assert factor < 0.95
    window = (slice(8, 472), slice(93, 557))
    want = depth.clip(max=10)[window] * factor
    np.testing.assert_allclose(found[window], want, rtol=1e-5)


def test_training_views_of_full_frames_equal_the_released_steps(
    repo_root: Path, folders: dict[str, Path]
) -> None:
    """With Pillow and numpy, from the same draws, up to the rounding."""
    root = folders['nyud-full-frame']
    name = (root / 'gt_sets/train.txt').read_text().split()[0]
    config = Config.fromfile(
        repo_root / 'configs/_base_/datasets/nyud-full-frame.py'
    )
    settings = config.train_dataloader.dataset
    settings.data_root = str(root)
    steps = [dict(step) for step in settings.pipeline]
    named = {step['type']: step for step in steps}
    assert named['MultiTaskRandomRotate']['degrees'] == 2.5
    assert named['MultiTaskRandomRotate']['prob'] == 1.0
    named['MultiTaskRandomRotate']['degrees'] = (2.5, 2.5)
    named['MultiTaskRandomFlip']['prob'] = 1.0
    named['MultiTaskChannelPermutation']['prob'] = 0.0
    named['MultiTaskColourJitter'].update(
        gamma_range=(0.9, 0.9),
        brightness_range=(1.2, 1.2),
        channel_range=(1.1, 1.1),
        prob=1.0,
    )
    settings.pipeline = steps
    np.random.seed(3)
    packed = build_in_scope(DATASETS, settings)[0]

    def opened(file: str, kind: type = np.uint8) -> Image.Image:
        path = root / file
        array = (
            np.load(path).squeeze()
            if path.suffix == '.npy'
            else np.asarray(Image.open(path))
        )
        return Image.fromarray(array.astype(kind))

    def cut(picture: Image.Image, mode: Image.Resampling) -> np.ndarray:
        turned = np.asarray(picture.rotate(2.5, mode))
        return turned[8:472, 43:608]

    still = Image.Resampling.NEAREST
    image = cut(opened(f'images/{name}.png'), Image.Resampling.BILINEAR)
    classes = cut(opened(f'segmentation/{name}.png'), still)
    depth, raw = (
        cut(opened(f'{file}', np.float32), still).clip(max=limit) / unit
        for file, limit, unit in (
            (f'depth/{name}.npy', 10, 1),
            (f'depth_raw/{name}.png', 10_000, 1000),
        )
    )
    depth = depth * (raw.max() / depth.max())
    colours = ((image / 255) ** 0.9 * 1.2 * 1.1).clip(0, 1) * 255
    # The offset is not told: the one at which the classes agree.
    label = packed['data_samples'].get_gt('semseg')[0].numpy()
    want = np.where(classes == 0, 255, classes)[:, ::-1]
    shares = [(label == want[:, 101 - x : 565 - x]).mean() for x in range(101)]
    x = int(np.argmax(shares))
    assert shares[x] > 0.995  # the two libraries round places apart
    here = (slice(None), slice(101 - x, 565 - x))
    found = packed['data_samples'].get_gt('depth')[0].numpy()
    off = np.abs(found - depth[:, ::-1][here])
    assert np.quantile(off, 0.99) < 1e-3
    pixels = packed['inputs'].numpy()[::-1].transpose(1, 2, 0)
    off = np.abs(pixels - colours[:, ::-1][here])
    assert np.quantile(off, 0.99) < 4
    # Black and without label where the turned frame ends.
    corner = colours[:, ::-1][here].max(-1) == 0
    assert corner.any()
    assert (label[corner] == 255).mean() > 0.9
    assert np.median(pixels[corner]) == 0


def test_windows_of_full_frames_start_at_0_to_100(repo_root: Path) -> None:
    config = Config.fromfile(
        repo_root / 'configs/_base_/datasets/nyud-full-frame.py'
    )
    kinds = ('MultiTaskFixedCrop', 'MultiTaskRandomCrop')
    box, range_, crop = (
        build_in_scope(TRANSFORMS, dict(step))
        for step in config.train_pipeline
        if step['type'] in kinds
    )
    view = range_(box(dict(img=np.zeros((480, 640, 3), np.uint8))))
    assert view['crop_box'] == (43, 8, 607, 472)
    np.random.seed(0)
    drawn = [crop.draw(view) for _ in range(3000)]
    assert {top for top, _ in drawn} == {0}
    assert {left for _, left in drawn} == set(range(101))


def test_full_frames_name_a_class_and_a_colour_per_channel(
    repo_root: Path,
) -> None:
    config = Config.fromfile(
        repo_root / 'configs/_base_/datasets/nyud-full-frame.py'
    )
    from mmmtl.datasets.nyud.classes import CLASSES, PALETTE

    assert tuple(config.metainfo.classes) == ('unlabelled', *CLASSES)
    found = [tuple(colour) for colour in config.metainfo.palette]
    assert found == [(0, 0, 0), *map(tuple, PALETTE)]
