"""Transforms of other libraries, and labels that lie over another picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset

from mmmtl.apis.pictures import PicturePipeline
from mmmtl.datasets import FolderDataset
from mmmtl.engine.preflight import check_wrappers
from mmmtl.models.data_preprocessor import MultiTaskDataPreprocessor
from mmmtl.registry import DATASETS, build_in_scope

SIZE = (64, 96)
IMAGE = dict(type='LoadImageFromFile')
LABELS = dict(type='LoadMultiTaskAnnotations')
PACK = dict(type='PackMultiTaskInputs')
FLIP = dict(type='MultiTaskRandomFlip', prob=1.0)
HALF = dict(type='MultiTaskResize', size=(32, 48))


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., FolderDataset]:
    """Return a function that makes a data set of one picture."""
    for folder in ('rgb', 'ids'):
        (tmp_path / folder).mkdir()
    ids = np.arange(SIZE[0] * SIZE[1], dtype=np.int64).reshape(SIZE) % 4
    picture = np.repeat(60 * ids.astype(np.uint8)[..., None], 3, axis=2)
    cv2.imwrite(str(tmp_path / 'rgb/a.png'), picture)
    cv2.imwrite(str(tmp_path / 'ids/a.png'), ids.astype(np.uint8))
    (tmp_path / 'all.txt').write_text('a\n')

    def make(*pipeline: dict) -> FolderDataset:
        return FolderDataset(
            tmp_path,
            split='all',
            splits=dict(all='all.txt'),
            tasks=['semseg'],
            image='rgb/{}.png',
            labels=dict(semseg='ids/{}.png'),
            classes=dict(semseg=['a', 'b', 'c', 'd']),
            pipeline=pipeline,
        )

    return make


PASTED = {
    'MultiTaskRandomFlip': [
        dict(type='RandomFlip', prob=1.0),
        dict(type='mmcv.RandomFlip', prob=1.0),
        dict(type='mmseg.RandomFlip', prob=1.0),
    ],
    'MultiTaskRandomRotate': [dict(type='RandomRotate', prob=1, degree=20)],
    'MultiTaskRandomCrop': [dict(type='RandomCrop', crop_size=SIZE)],
    'MultiTaskResize': [
        dict(type='Resize', scale=(48, 32)),
        dict(type='mmcv.Resize', scale=(48, 32)),
        dict(type='ResizeToMultiple', size_divisor=40),
        dict(type='ResizeShortestEdge', scale=48, max_size=99),
    ],
    'MultiTaskRandomScale': [
        dict(type='RandomResize', scale=SIZE, ratio_range=(0.5, 2.0)),
        dict(type='RandomChoiceResize', scales=[SIZE]),
    ],
    'MultiTaskFixedCrop': [dict(type='CenterCrop', crop_size=48)],
    'MultiTaskCenteredPad': [dict(type='Pad', size=(99, 99))],
    'take it out': [
        dict(
            type='RandomCutOut',
            prob=1.0,
            n_holes=2,
            cutout_shape=(9, 9),
            seg_fill_in=255,
        ),
        dict(type='RandomMosaic', prob=1.0),
    ],
}


@pytest.mark.parametrize(
    ('ours', 'step'),
    [(ours, step) for ours, steps in PASTED.items() for step in steps],
)
def test_what_moves_the_picture_alone_is_refused_by_name(
    data: Callable, ours: str, step: dict
) -> None:
    name = step['type'].rpartition('.')[2]
    with pytest.raises(ValueError, match=rf'{name} of mm\w+ .*{ours}'):
        data(IMAGE, LABELS, step, PACK)


NESTED = {
    'apply': dict(type='RandomApply', transforms=[PASTED], prob=0.1),
    'choice': dict(type='RandomChoice', transforms=[[FLIP], [PASTED]]),
    'broadcaster': dict(
        type='TransformBroadcaster',
        mapping=dict(img=['img']),
        auto_remap=True,
        transforms=[PASTED],
    ),
    'compose': dict(type='Compose', transforms=[FLIP, PASTED]),
    'twice': dict(
        type='RandomApply',
        transforms=[dict(type='RandomChoice', transforms=[[PASTED]])],
    ),
}


def put(step: object, inside: dict) -> object:
    """Put a transform where ``PASTED`` stands."""
    if step is PASTED:
        return dict(inside)
    if isinstance(step, list):
        return [put(item, inside) for item in step]
    if isinstance(step, dict):
        return {key: put(value, inside) for key, value in step.items()}
    return step


@pytest.mark.parametrize('name', NESTED)
def test_inside_of_others_too(data: Callable, name: str) -> None:
    flip = dict(type='RandomFlip', prob=0.5)
    with pytest.raises(ValueError, match='use MultiTaskRandomFlip'):
        data(IMAGE, LABELS, put(NESTED[name], flip), PACK)
    colours = dict(type='PhotoMetricDistortion')
    assert len(data(IMAGE, LABELS, put(NESTED[name], colours), PACK)) == 1


@pytest.mark.parametrize(
    ('name', 'ours', 'options'),
    [
        ('RandomHorizontalFlip', 'use MultiTaskRandomFlip', dict(p=1.0)),
        ('RandomVerticalFlip', 'take it out', dict(p=1.0)),
        ('RandomRotation', 'use MultiTaskRandomRotate', dict(degrees=20)),
        ('RandomAffine', 'take it out', dict(degrees=20)),
        ('TrivialAugmentWide', 'take it out', {}),
    ],
)
def test_torchvision_in_mmpretrains_wrapper_is_refused(
    data: Callable, name: str, ours: str, options: dict
) -> None:
    step = dict(type=f'mmpretrain.torchvision/{name}', **options)
    with pytest.raises(ValueError, match=f'{name} of torchvision .*{ours}'):
        data(IMAGE, LABELS, step, PACK)
    colours = dict(type='mmpretrain.torchvision/ColorJitter', brightness=0.5)
    assert len(data(IMAGE, LABELS, colours, PACK)) == 1


def test_wrappers_of_data_sets_are_looked_into(data: Callable) -> None:
    inner = data(IMAGE, LABELS)
    mosaic = dict(type='RandomMosaic', prob=1.0)
    mixed = build_in_scope(
        DATASETS,
        dict(
            type='MultiImageMixDataset',
            dataset=ConcatDataset([inner]),
            pipeline=[mosaic, PACK],
        ),
    )
    with pytest.raises(ValueError, match='RandomMosaic of mmseg'):
        check_wrappers(SimpleNamespace(datasets=[inner, mixed]))
    check_wrappers(ConcatDataset([inner]))


def test_test_time_changes_before_the_labels_are_undone(
    data: Callable,
) -> None:
    """Each view starts anew: the labels of the first are not the second's."""
    resize = dict(type='Resize', scale=(48, 32))
    views = [dict(type='RandomFlip', prob=p) for p in (0.0, 1.0)]
    tta = dict(type='TestTimeAug', transforms=[views, [LABELS], [PACK]])
    samples = data(IMAGE, resize, tta)[0]['data_samples']
    assert [sample.metainfo['flip'] for sample in samples] == [False, True]
    for sample in samples:
        assert sample.metainfo['label_frames'] == ('original',)
    with pytest.raises(ValueError, match='use MultiTaskCenteredPad'):
        data(IMAGE, dict(type='Pad', size=(99, 99)), LABELS, PACK)


def test_predictions_need_a_picture_in_its_place() -> None:
    steps = [IMAGE, dict(type='CenterCrop', crop_size=48), PACK]
    with pytest.raises(ValueError, match='use MultiTaskFixedCrop'):
        PicturePipeline(dict(test_pipeline=steps))


@pytest.mark.parametrize(
    ('pipeline', 'frames'),
    [
        ((IMAGE, LABELS), ('image', 'original')),
        ((IMAGE, LABELS, FLIP), ('image',)),
        ((IMAGE, LABELS, FLIP, FLIP), ('image', 'original')),
        ((IMAGE, LABELS, HALF), ('image',)),
        ((IMAGE, HALF, LABELS), ('original',)),
        ((IMAGE, FLIP, LABELS), ('original',)),
        (
            (
                IMAGE,
                LABELS,
                dict(type='MultiTaskRandomScale', scales=[1.5]),
                dict(type='MultiTaskRandomCrop', crop_size=SIZE),
            ),
            ('image',),
        ),
        (
            (
                IMAGE,
                dict(type='MultiTaskCenteredPad', size=(99, 99)),
                LABELS,
            ),
            ('original',),
        ),
    ],
)
def test_labels_are_known_to_fit_the_image_or_its_file(
    data: Callable, pipeline: tuple[dict, ...], frames: tuple[str, ...]
) -> None:
    """Training needs the one, testing the other."""
    packed = data(*pipeline, PACK)[0]
    assert packed['data_samples'].metainfo['label_frames'] == frames
    preprocessor = MultiTaskDataPreprocessor()

    def feed(training: bool) -> None:
        sample = packed['data_samples'].clone()
        batch = dict(inputs=[packed['inputs']], data_samples=[sample])
        preprocessor(batch, training)

    for training, frame, text in (
        (True, 'image', 'put LoadMultiTaskAnnotations first'),
        (False, 'original', 'put LoadMultiTaskAnnotations after'),
    ):
        if frame in frames:
            feed(training)
        else:
            with pytest.raises(ValueError, match=text):
                feed(training)


def halve(results: dict) -> dict:
    """Resize the picture alone, as a transform from anywhere may."""
    results['img'] = results['img'][::2, ::2]
    return results


@pytest.mark.parametrize(
    'pipeline',
    [(IMAGE, LABELS, halve), (IMAGE, FLIP, LABELS, halve)],
)
def test_labels_of_another_size_are_refused_when_packed(
    data: Callable, pipeline: tuple
) -> None:
    with pytest.raises(
        ValueError, match=r'\[\(64, 96\)\] fit neither the image, \(32, 48\)'
    ):
        data(*pipeline, PACK)[0]


def test_labels_of_ones_own_loader_count_by_their_size(
    data: Callable,
) -> None:
    def load(results: dict) -> dict:
        ids = np.zeros(SIZE, np.uint8)
        return {**results, 'labels': {'semseg': ids}}

    sample = data(IMAGE, load, FLIP, PACK)[0]['data_samples']
    assert sample.metainfo['label_frames'] == ('image', 'original')
    assert sample.get_gt('semseg').dtype == torch.int64
