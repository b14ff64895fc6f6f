from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from torch import Tensor

from mmmtl.models.segmentors import MultiTaskTTAModel
from mmmtl.registry import TRANSFORMS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from tests.test_models.segmentors.fakes import fake_model
from tests.tiny import NYUD, demt

HEIGHT, WIDTH = 16, 20


def ramps() -> np.ndarray:
    """Grey levels that stay whole numbers when halved and doubled."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([8 * y + 4, 8 * x + 4 * y, 4 * x + 20], 2).astype(np.uint8)


def noise() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def views_of(
    image: np.ndarray,
    scales: tuple[float, ...],
    flips: tuple[str | None, ...],
) -> dict[str, Any]:
    """What the data loader gives for one image and this augmentation."""
    transform = build_in_scope(
        TRANSFORMS,
        dict(
            type='TestTimeAug',
            transforms=[
                [
                    dict(type='mmmtl.MultiTaskRandomScale', scales=[scale])
                    for scale in scales
                ],
                [
                    dict(
                        type='mmmtl.MultiTaskRandomFlip',
                        prob=float(flip is not None),
                        direction=flip or 'horizontal',
                    )
                    for flip in flips
                ],
                [dict(type='mmmtl.PackMultiTaskInputs')],
            ],
        ),
    )
    shape = image.shape[:2]
    results = dict(img=image, labels={}, ori_shape=shape, img_shape=shape)
    return pseudo_collate([transform(results)])


def answer(data: dict[str, Any]) -> MultiTaskDataSample:
    return MultiTaskTTAModel(fake_model()).test_step(data)[0]


def assert_same(
    found: MultiTaskDataSample, want: MultiTaskDataSample, margin: int
) -> None:
    inside = (..., *[slice(margin, n - margin) for n in (HEIGHT, WIDTH)])
    for task in NYUD:
        mine, theirs = found.get_pred(task), want.get_pred(task)
        assert mine.shape == theirs.shape
        assert mine.dtype == theirs.dtype
        assert torch.allclose(mine[inside], theirs[inside], atol=1e-5), task


FLIPS = (None, 'horizontal', 'vertical')


@pytest.mark.parametrize('flip', ['horizontal', 'vertical'])
def test_convention_a_mirrored_view_is_mirrored_back(flip: str) -> None:
    """Of any image, to the border; depth is then read from row to row."""
    image = noise()
    want = answer(views_of(image, (1.0,), (None,)))
    found = answer(views_of(image, (1.0,), (flip,)))
    if flip == 'vertical':
        # The fake's depth is signed: a mirrored slope falls. Not so metres.
        want.set_pred('depth', found.get_pred('depth'))
    assert_same(found, want, margin=0)


@pytest.mark.parametrize('scale', [0.5, 2.0])
def test_convention_depth_is_unzoomed(scale: float) -> None:
    """The fake sees the slope 8 as 16 or 4 grey levels per row."""
    want = answer(views_of(ramps(), (1.0,), (None,)))
    found = answer(views_of(ramps(), (scale,), (None,)))
    assert_same(found, want, margin=4)
    assert float(found.get_pred('depth')[0, 8, 8]) == 8.0


def test_all_views_together_give_the_plain_answer() -> None:
    want = answer(views_of(ramps(), (1.0,), (None,)))
    data = views_of(ramps(), (0.5, 1.0, 2.0), (None, 'horizontal'))
    assert len(data['inputs']) == 6
    assert_same(answer(data), want, margin=4)


def test_depth_that_ignores_the_zoom_is_multiplied() -> None:
    """Views at 1 and 2 both answer 3 m: (3 * 1 + 3 * 2) / 2 = 4.5 m."""
    model = fake_model()
    model.decode_head.forward = lambda inputs: {
        'depth': torch.full_like(inputs[0][:, :1], 3.0)
    }
    data = views_of(noise(), (1.0, 2.0), (None,))
    found = MultiTaskTTAModel(model).test_step(data)[0].get_pred('depth')
    assert torch.equal(found, torch.full((1, HEIGHT, WIDTH), 4.5))


def test_views_of_several_images_stay_apart() -> None:
    images = [ramps(), noise()]
    views = [views_of(image, (1.0,), (None, 'horizontal')) for image in images]
    both = {
        key: [[view[key][index][0] for view in views] for index in range(2)]
        for key in views[0]
    }
    found = MultiTaskTTAModel(fake_model()).test_step(both)
    for sample, view in zip(found, views, strict=True):
        assert_same(sample, answer(view), margin=0)


def test_the_answer_is_the_preprocessor_s_sample() -> None:
    """Whose labels are on the device of the predictions."""
    data = views_of(noise(), (1.0,), (None, 'horizontal'))
    data['data_samples'][0][0].set_gt('depth', torch.ones(1, HEIGHT, WIDTH))
    found = answer(data)
    assert torch.equal(found.get_gt('depth'), torch.ones(1, HEIGHT, WIDTH))
    for view in data['data_samples']:
        assert not view[0].has_pred('depth')


def test_averages_by_hand() -> None:
    """Probabilities (.9, .1), (.4, .6), (.4, .6): class 0 by the mean.

    Depths 1, 2, 6 m: 3 m. Normals along x, along -z and -z: (1, 0, -2).
    """

    def column(*values: float) -> Tensor:
        return torch.tensor(values).view(-1, 1, 1)

    views = [
        (MultiTaskDataSample(), dict(semseg=s, depth=d, normals=n))
        for s, d, n in [
            (column(0.9, 0.1), column(1.0), column(1.0, 0.0, 0.0)),
            (column(0.4, 0.6), column(2.0), column(0.0, 0.0, -1.0)),
            (column(0.4, 0.6), column(6.0), column(0.0, 0.0, -1.0)),
        ]
    ]
    found = MultiTaskTTAModel(fake_model()).merge_preds([views])[0]
    assert found is views[0][0]
    assert found.get_pred('semseg').item() == 0
    assert found.get_pred('depth').item() == 3.0
    unit = (torch.tensor([1.0, 0.0, -2.0]) / 5**0.5).view(3, 1, 1)
    assert torch.allclose(found.get_pred('normals'), unit)


def write_folder(root: Path, images: list[np.ndarray]) -> None:
    """Two images with labels, in the layout of NYUDv2."""
    rng = np.random.default_rng(0)
    folders = ('images', 'segmentation', 'normals', 'depth', 'edge', 'gt_sets')
    for folder in folders:
        (root / folder).mkdir()
    for index, image in enumerate(images):
        shape = image.shape[:2]
        name = f'{index:04d}'
        cv2.imwrite(str(root / f'images/{name}.png'), image)
        for folder, high in (('segmentation', 41), ('edge', 2)):
            label = rng.integers(0, high, shape, dtype=np.uint8)
            label = label * 255 if folder == 'edge' else label
            cv2.imwrite(str(root / folder / f'{name}.png'), label)
        normals = np.full((*shape, 3), (10, 120, 130), np.uint8)
        cv2.imwrite(str(root / f'normals/{name}.png'), normals)
        depth = rng.uniform(1, 5, shape).astype(np.float32)
        np.save(root / f'depth/{name}.npy', depth)
    names = ''.join(f'{index:04d}\n' for index in range(len(images)))
    (root / 'gt_sets/val.txt').write_text(names)


def run_test(root: Path, pipeline: list[dict], **model: Any) -> dict:
    cfg = demt()
    cfg['decode_head']['tasks']['semseg']['out_channels'] = 40
    runner = Runner(
        model=cfg if not model else dict(**model, module=cfg),
        work_dir=str(root / 'work'),
        test_dataloader=dict(
            batch_size=2,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(
                type='NYUDv2Dataset',
                data_root=str(root),
                split='val',
                tasks=list(NYUD),
                pipeline=pipeline,
            ),
        ),
        test_cfg=dict(type='TestLoop'),
        test_evaluator=dict(
            type='MultiTaskEvaluator',
            metrics=[
                dict(type='SegmentationMetric'),
                dict(type='DepthErrorMetric'),
                dict(type='NormalsMetric'),
                dict(type='PixelEdgeMetric'),
            ],
        ),
        default_scope='mmmtl',
        experiment_name=f'tta-{len(model)}',
        log_level='ERROR',
        randomness=dict(seed=0),
    )
    torch.manual_seed(0)
    for parameter in runner.model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return runner.test()


def test_through_the_real_runner(tmp_path: Path) -> None:
    """Views without change give the figures of the plain test."""
    write_folder(tmp_path, [noise(), ramps()[:12, :17]])  # padded
    load = [dict(type='LoadImageFromFile')]
    pack = [
        dict(type='LoadMultiTaskAnnotations'),
        dict(type='PackMultiTaskInputs'),
    ]

    def augmented(*factors: float) -> list[dict]:
        scales = [
            dict(type='MultiTaskRandomScale', scales=[factor])
            for factor in factors
        ]
        steps = [scales, *([step] for step in pack)]
        return [*load, dict(type='TestTimeAug', transforms=steps)]

    tta = dict(type='MultiTaskTTAModel')
    plain = run_test(tmp_path, load + pack)
    same = run_test(tmp_path, augmented(1.0, 1.0), **tta)
    other = run_test(tmp_path, augmented(1.0, 1.5), **tta)
    assert {'semseg/mIoU', 'depth/rmse', 'normals/mean_err'} <= plain.keys()
    assert same == pytest.approx(plain, rel=1e-5, nan_ok=True)
    name = 'normals/mean_err'
    assert abs(other[name] - plain[name]) > 1e-4
