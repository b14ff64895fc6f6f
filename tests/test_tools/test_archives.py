"""Folders as their archives hold them: listed, verified, trained on, scored.

Written with numpy and OpenCV alone, from what the releases document, so that
a mistake which loaders and converters share is seen. Every view is the same
room: the camera looks along z (x right, y down) at a wall 4 m away; the other
walls are 1.5 m to the left and right, floor and ceiling 1.2 m below and above.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper

from mmmtl.registry import DATASETS, EVALUATOR, MODELS, build_in_scope
from mmmtl.tasks import get_task
from tests.test_configs import load, shrink

pytestmark = pytest.mark.slow

LISTS = 'dataset_converters/taskonomy.py'
VERIFY = 'dataset_converters/verify.py'
Maps = dict[str, np.ndarray]
# As the releases store a normal: red right, green down, blue forward, 127 is
# 0. Left and right wall, floor, ceiling, wall ahead; RGB.
COLOURS = np.array(
    [
        (254, 127, 127),
        (0, 127, 127),
        (127, 0, 127),
        (127, 254, 127),
        (127, 127, 0),
    ],
    np.uint8,
)
AHEAD = 4


def room(height: int, width: int, focal: float) -> tuple[np.ndarray, Any]:
    """Return depth in metres along z, and which of the five is seen."""
    x = (np.arange(width) - (width - 1) / 2) / focal
    y = (np.arange(height) - (height - 1) / 2) / focal
    x, y = np.meshgrid(x, y)
    with np.errstate(divide='ignore', invalid='ignore'):
        distance = [-1.5 / x, 1.5 / x, 1.2 / y, -1.2 / y, np.full(x.shape, 4)]
    distance = np.where(np.array(distance) > 0, distance, np.inf)
    return distance.min(0), distance.argmin(0)


def turned(surface: np.ndarray, degrees: float) -> np.ndarray:
    """Return the true normals (3, H, W), turned about the z axis."""
    normals = np.array([(1, 0), (-1, 0), (0, -1), (0, 1), (0, 0)], float)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    normals = normals @ np.array([(cosine, sine), (-sine, cosine)])
    ahead = np.array([0, 0, 0, 0, -1.0])[:, None]
    return np.hstack([normals, ahead])[surface].transpose(2, 0, 1)


def write(path: Path, array: np.ndarray) -> None:
    """Write a PNG; OpenCV wants blue first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = array[..., ::-1] if array.ndim == 3 else array
    assert cv2.imwrite(str(path), np.ascontiguousarray(array))


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def point_at(cfg: Config, root: Path, **dataset: Any) -> None:
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.dataset.update(data_root=str(root), **dataset)


def train_a_step(cfg: Config) -> None:
    """With the config's losses and weights on two samples of its pipeline."""
    dataset = build_in_scope(DATASETS, cfg.train_dataloader.dataset)
    model = build_in_scope(MODELS, shrink(cfg).model)
    model = revert_sync_batchnorm(model).train()
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batch = pseudo_collate([dataset[0], dataset[len(dataset) - 1]])
    log = model.train_step(batch, OptimWrapper(optimizer))
    assert log['loss'].isfinite()
    for task in model.tasks:
        assert any(key.startswith(f'{task}.') and log[key] > 0 for key in log)
    assert any(
        not torch.equal(old, new)
        for old, new in zip(before, model.parameters(), strict=True)
    )


def score(cfg: Config, predictions: Mapping[str, np.ndarray]) -> dict:
    """Evaluate predictions, (C, H, W) by task, on each view for testing."""
    dataset = build_in_scope(DATASETS, cfg.test_dataloader.dataset)
    evaluator = build_in_scope(EVALUATOR, cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for item in dataset:
        sample = item['data_samples']
        for task, values in predictions.items():
            dtype = get_task(task).kind.pred_dtype
            sample.set_pred(task, torch.from_numpy(values).to(dtype))
        evaluator.process([sample])
    return evaluator.evaluate(len(dataset))


# ---- Taskonomy and Replica

SIZE, FOCAL = (64, 80), 60.0
HOLE = (slice(8, 14), slice(20, 30))


def taskonomy_view() -> Maps:
    """What is stored, by domain."""
    metres, surface = room(*SIZE, FOCAL)
    depth = np.round(metres * 512).astype(np.uint16)
    normal = COLOURS[surface]
    grey = (40 + 40 * surface).astype(np.uint8)
    # A hole of the mesh: 65535, grey 128, and 13 of 255.
    depth[HOLE], normal[HOLE], grey[HOLE] = 65535, 128, 13
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return {
        # Columns of 4 pixels: 0 uncertain, 1 background, 2 to 17 objects.
        'segment_semantic': (columns // 4 % 18).astype(np.uint8),
        'depth_zbuffer': depth,
        'normal': normal,
        'reshading': np.stack([grey] * 3, -1),
        # Clipped at 0.005 and 0.08 of 65535, which are 327.7 and 5242.8.
        'keypoints2d': (10 * rows).astype(np.uint16),
        'edge_texture': (100 * columns).astype(np.uint16),
    }


def write_views(
    root: Path, component: str, buildings: Mapping[str, int], stored: Maps
) -> None:
    """Write the views of some buildings; each has an image of its own."""
    for seed, (building, views) in enumerate(buildings.items()):
        for view in range(views):
            images = {'rgb': noise(100 * seed + view, *SIZE, 3)}
            for domain, array in (images | stored).items():
                name = domain.replace('segment_sem', 'segmentsem')
                place = f'{domain}/{component}/{building}'
                name = f'point_{view}_view_2_domain_{name}.png'
                write(root / place / name, array)


def predictions_of(stored: Maps, classes: np.ndarray) -> Maps:
    """Known errors: 1 m, 12 degrees, 0.1, 0.05, 0.02; classes as given."""
    _, surface = room(*SIZE, FOCAL)
    return {
        'semseg': classes[None],
        'depth': stored['depth_zbuffer'][None] / 512 + 1.0,
        'normals': turned(surface, 12.0),
        'reshading': stored['reshading'][None, ..., 0] / 255 + 0.1,
        'keypoints2d': 0.05
        + np.minimum(stored['keypoints2d'][None] / (0.005 * 65535), 1),
        'edges2d': 0.02
        + np.minimum(stored['edge_texture'][None] / (0.08 * 65535), 1),
    }


def check_scores(scores: Mapping[str, float], miou: float) -> None:
    known = np.ones(SIZE, bool)
    known[HOLE] = False
    _, surface = room(*SIZE, FOCAL)
    # Turned about z, the wall ahead stays as it is. 127 of 255 is off by
    # 0.2 degrees in each of two components.
    turning = 12.0 * (surface[known] != AHEAD).mean()
    assert scores['semseg/mIoU'] == pytest.approx(miou, abs=1e-3)
    assert scores['depth/rmse'] == pytest.approx(1.0, abs=1e-4)
    assert scores['normals/mean_err'] == pytest.approx(turning, abs=0.4)
    assert scores['reshading/mae'] == pytest.approx(0.1, abs=1e-5)
    assert scores['keypoints2d/mae'] == pytest.approx(0.05, abs=1e-5)
    assert scores['edges2d/mae'] == pytest.approx(0.02, abs=1e-5)


def test_taskonomy(tmp_path: Path, run_tool: Callable) -> None:
    root, lists = tmp_path / 'taskonomy', tmp_path / 'lists'
    stored = taskonomy_view()
    views = dict(hanson=2, merom=1, collierville=1)
    write_views(root, 'taskonomy', views, stored)
    # A view without class ids has a file of some bytes.
    place = root / 'segment_semantic/taskonomy/hanson'
    (place / 'point_1_view_2_domain_segmentsemantic.png').write_bytes(b'none')
    # The published tables have the line ends of old Macs.
    table = tmp_path / 'train_val_test_tiny.csv'
    table.write_bytes(
        b'id,train,val,test\rhanson,1,0,0\rmerom,0,1,0\rcollierville,0,0,1\r'
    )
    ended = run_tool(LISTS, root, lists, '--buildings', table)
    assert ended.code == 0, ended.err
    assert 'train.txt: 2 views; 0 left out' in ended.out
    options = f'split_root={lists}'
    check = (VERIFY, root, '--dataset', 'taskonomy', '--workers', 1)
    ended = run_tool(*check, '--options', options)
    assert ended.code == 0, ended.out + ended.err

    cfg = load('mult/mult_swin-t_taskonomy.py')
    point_at(cfg, root, split_root=str(lists))
    # Stored 2 is class 1, bottle; here it is taken for 2, chair.
    ids = stored['segment_semantic'].astype(int)
    classes = np.where(ids == 2, 2, ids - 1)
    # 16 of the 20 columns of 4 hold each id once, 0 and 1 twice. Bottle has
    # no hit, chair one of two columns; 15 of 17 classes are right.
    predictions = predictions_of(stored, np.maximum(classes, 0))
    check_scores(score(cfg, predictions), miou=100 * (15 + 1 / 2) / 17)
    train_a_step(cfg)


def test_replica(tmp_path: Path, run_tool: Callable) -> None:
    root, lists = tmp_path / 'replica', tmp_path / 'lists'
    stored = taskonomy_view()
    # Red is the class, 0 undefined; green and blue tell instances apart.
    red = (np.mgrid[: SIZE[0], : SIZE[1]][1] // 4 + 82).astype(np.uint8)
    red[:10] = 0
    del stored['segment_semantic']
    stored['semantic'] = np.stack([red, red // 2, red * 0 + 3], -1)
    # One scene of each part of the published division.
    write_views(root, 'replica', dict(hotel_0=2, office_0=1, room_1=1), stored)
    ended = run_tool(
        LISTS, root, lists, '--dataset', 'replica', '--allow-missing'
    )
    assert ended.code == 0, ended.err
    check = (VERIFY, root, '--dataset', 'replica', '--workers', 1)
    ended = run_tool(*check, '--options', f'split_root={lists}')
    assert ended.code == 0, ended.out + ended.err

    cfg = load('mult/mult_swin-t_replica.py')
    point_at(cfg, root, split_root=str(lists))
    dataset = build_in_scope(DATASETS, cfg.test_dataloader.dataset)
    # Stored 93 is a wall, 101 a set of clothing.
    names = dataset.metainfo['classes']
    assert (names[92], names[100]) == ('wall', 'set-of-clothing')
    classes = np.where(red == 93, 0, red.astype(int) - 1)
    predictions = predictions_of(stored, np.maximum(classes, 0))
    # 20 ids occur, walls are missed; a class that does not occur counts 0.
    check_scores(score(cfg, predictions), miou=100 * 19 / 101)
    train_a_step(cfg)


# ---- CocoDoom

DOOM = (200, 320)
IMP = (slice(90, 150), slice(140, 190))
SKY = (slice(0, 20), slice(60, 260))
# A thing that no list names: too small, or too rare.
UNLISTED = (slice(170, 190), slice(20, 40))


def doom_frame() -> Maps:
    """A frame as the game's renderer writes it."""
    metres, surface = room(*DOOM, 160 / 1.0007)
    # A map unit is 1/32 m, of which depth has 64 steps.
    units = np.round(metres * 32 * 64)
    # From 2^23: sky, horizontal, vertical.
    ids = 2**23 + np.where((surface == 2) | (surface == 3), 1, 2)
    units[IMP], ids[IMP] = 2 * 32 * 64, 4711
    ids[UNLISTED] = 99
    units[SKY], ids[SKY] = 65535, 2**23
    objects = np.stack([ids % 256, ids // 256 % 256, ids // 65536], -1)
    return {
        'depth': units.astype(np.uint16),
        'objects': objects.astype(np.uint8),
    }


def write_doom(root: Path, stored: Maps) -> None:
    """Write the full archive: lists of all frames, 11, 2 and 2 of them.

    The frames that the standard lists leave out have no pictures here.
    """
    # A thing's name and number in the game, and one too rare to be used.
    categories = [
        dict(id=11, name='TROOP', supercategory=''),
        dict(id=0, name='PLAYER', supercategory=''),
    ]
    for split, run, level, count in (
        ('train', 1, 1, 11),
        ('val', 2, 3, 2),
        ('test', 3, 4, 2),
    ):
        images, notes = [], []
        for tic in range(30, 30 + count):
            number = 10**9 * run + 10**7 * level + tic
            name = f'run{run}/map{level:02d}/rgb/{tic:06d}.png'
            images.append(
                dict(id=number, file_name=name, width=320, height=200)
            )
            notes.append(
                dict(
                    id=number * 10**6 + 4711,
                    image_id=number,
                    category_id=11,
                    area=3000,
                    iscrowd=0,
                )
            )
            if (tic - 30) % 5 or (tic > 30 and split != 'train'):
                continue
            write(root / name, noise(tic + run, *DOOM, 3))
            for kind, array in stored.items():
                write(root / name.replace('rgb', kind), array)
        content = dict(images=images, annotations=notes, categories=categories)
        (root / f'run-full-{split}.json').write_text(json.dumps(content))
    (root / 'run1/log.txt').write_text('')


def test_cocodoom(tmp_path: Path, run_tool: Callable) -> None:
    archive, root = tmp_path / 'cocodoom', tmp_path / 'data'
    stored = doom_frame()
    write_doom(archive, stored)
    tool = 'dataset_converters/cocodoom.py'
    ended = run_tool(tool, archive, root, '--workers', 1)
    assert ended.code == 0, ended.err
    assert 'train: one frame in 5 of run-full-train.json' in ended.out
    assert '3 train, 1 val, 1 test images written to' in ended.out
    check = (VERIFY, root, '--dataset', 'cocodoom', '--workers', 1)
    ended = run_tool(*check)
    assert ended.code == 0, ended.out + ended.err

    cfg = load('mult/mult_swin-t_cocodoom.py')
    # As a user does: the number of lines of classes.txt.
    names = root / 'classes.txt'
    assert names.read_text().split() == ['background', 'PLAYER', 'TROOP']
    cfg.model.decode_head.tasks.semseg.out_channels = 3
    point_at(cfg, root, split_root=str(root / 'splits'))
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.metainfo.classes = str(names)
    _, surface = room(*DOOM, 160 / 1.0007)
    classes = np.zeros(DOOM, int)
    classes[IMP] = 2
    classes[UNLISTED] = 1  # has no label, so it is no error
    # Figures are flat and face the camera.
    truth = surface.copy()
    truth[IMP] = AHEAD
    predictions = dict(
        semseg=classes[None],
        depth=stored['depth'][None] / 64 / 32 + 0.5,
        normals=turned(truth, 0.0),
        reshading=np.zeros((1, *DOOM)),
        keypoints2d=np.zeros((1, *DOOM)),
        edges2d=np.zeros((1, *DOOM)),
    )
    scores = score(cfg, predictions)
    # Nobody is the player: that class counts 0.
    assert scores['semseg/mIoU'] == pytest.approx(200 / 3, abs=1e-3)
    # The sky is not counted: 32 m away, it would be wrong by much more.
    assert scores['depth/rmse'] == pytest.approx(0.5, abs=1e-4)
    # Derived from the depth, exact but at creases.
    assert scores['normals/mean_err'] < 1.0
    train_a_step(cfg)


# ---- Cityscapes

STREET = (64, 128)
BASELINE, FX = 0.22, 2262.5
# Label ids of the five surfaces, and what they are in training: vegetation,
# building, road, sky (no label in depth), car.
STREET_IDS = np.array([21, 11, 7, 23, 26], np.uint8)
TRAIN_IDS = np.array([8, 2, 0, 10, 13])


def write_street(root: Path, split: str, city: str, seed: int) -> np.ndarray:
    """Write one image as the four downloads hold it; return disparity."""
    metres, surface = room(*STREET, 60.0)
    pixels = BASELINE * FX / (5 * metres)  # five times the room: a street
    stored = np.round(256 * pixels + 1).astype(np.uint16)
    stored[surface == 3] = 0  # sky is never matched
    stored[:, 5] = 1  # infinitely far
    ids = STREET_IDS[surface]
    ids[-4:] = 1  # ego vehicle, no class
    name = f'{split}/{city}/{city}_000001_000019'
    write(
        root / f'leftImg8bit/{name}_leftImg8bit.png', noise(seed, *STREET, 3)
    )
    write(root / f'gtFine/{name}_gtFine_labelIds.png', ids)
    write(root / f'disparity/{name}_disparity.png', stored)
    camera = dict(
        extrinsic=dict(baseline=BASELINE, pitch=0.05, x=1.7, z=1.2),
        intrinsic=dict(fx=FX, fy=2265.3, u0=1096.9, v0=513.1),
    )
    path = root / f'camera/{name}_camera.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(camera))
    return stored


def test_cityscapes(tmp_path: Path, run_tool: Callable) -> None:
    root, lists = tmp_path / 'cityscapes', tmp_path / 'lists'
    write_street(root, 'train', 'ulm', 1)
    write_street(root, 'train', 'aachen', 2)
    stored = write_street(root, 'val', 'lindau', 3)
    tool = 'dataset_converters/cityscapes.py'
    ended = run_tool(tool, root, lists)
    assert ended.code == 0, ended.err
    check = (VERIFY, root, '--dataset', 'cityscapes', '--workers', 1)
    ended = run_tool(*check, '--options', f'split_root={lists}')
    assert ended.code == 0, ended.out + ended.err

    cfg = load('baselines/fcn-multi_swin-t_cityscapes.py')
    point_at(cfg, root, split_root=str(lists))
    _, surface = room(*STREET, 60.0)
    disparity = np.maximum(stored.astype(float) - 1, 1) / 256
    classes = TRAIN_IDS[surface]
    classes[surface == 4] = 14  # cars taken for trucks
    # Depth that is 10 % too far everywhere; disparity is 1 / 1.1 of its own.
    predictions = dict(
        semseg=classes[None],
        depth=(1.1 * BASELINE * FX / disparity)[None],
    )
    scores = score(cfg, predictions)
    # Four of the 19 classes are right, cars are not, trucks are false.
    assert scores['semseg/mIoU'] == pytest.approx(100 * 4 / 19, abs=1e-3)
    assert scores['depth/abs_rel'] == pytest.approx(0.1, abs=1e-4)
    assert scores['depth/inv_abs_rel'] == pytest.approx(1 / 11, abs=1e-4)
    train_a_step(cfg)
