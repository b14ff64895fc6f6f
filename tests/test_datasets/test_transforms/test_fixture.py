"""The transforms give the numbers of the authors' code.

``tests/data/transforms`` holds a sample, what was drawn, and the result of
each transform and of the whole pipeline, recorded from yangyangxu0/DeMT at
b638e14. There, at the end of the pipeline, a missing depth or normal is 255,
here it is 0; images are RGB there and BGR here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmmtl.datasets.transforms import (
    ColourDraw,
    IgnoreEmptyHumanParts,
    MultiTaskCenteredPad,
    MultiTaskPhotoMetricDistortion,
    MultiTaskRandomCrop,
    MultiTaskRandomFlip,
    MultiTaskRandomScale,
    PackMultiTaskInputs,
)
from mmmtl.models.data_preprocessor import MultiTaskDataPreprocessor

DATA = Path(__file__).parents[2] / 'data'
SPEC = json.loads((DATA / 'transforms.json').read_text())
ARRAYS = dict(np.load(DATA / 'transforms.npz'))
TASKS = ('semseg', 'depth', 'normals', 'edge', 'saliency', 'human_parts')


def base_sample() -> dict:
    normals = ARRAYS['base/normals'].astype(np.float32) / 127.5 - 1
    normals[:3] = 0
    labels = {task: ARRAYS[f'base/{task}'][..., 0] for task in TASKS}
    labels['depth'] = labels['depth'].astype(np.float32)
    labels['normals'] = normals
    return dict(
        img=np.ascontiguousarray(ARRAYS['base/image'][..., ::-1]),
        labels=labels,
    )


def assert_labels(name: str, labels: dict[str, np.ndarray]) -> None:
    """Compare the labels that the fixture has for this case, exactly."""
    seen = 0
    for task, label in labels.items():
        want = ARRAYS.get(f'{name}/{task}')
        if want is None:
            continue
        seen += 1
        found = np.atleast_3d(label)
        if want.shape[0] == found.shape[2]:
            found = found.transpose(2, 0, 1)
        np.testing.assert_array_equal(found, want, err_msg=task)
    assert seen


def to_authors_ignore(labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    labels = {task: label.copy() for task, label in labels.items()}
    labels['depth'][labels['depth'] == 0] = 255
    labels['normals'][(labels['normals'] == 0).all(axis=2)] = 255
    return labels


def preprocess(results: dict) -> np.ndarray:
    """Return the ``(3, H, W)`` input of the network."""
    packed = PackMultiTaskInputs()(results)
    prepare = MultiTaskDataPreprocessor(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    )
    batch = {key: [value] for key, value in packed.items()}
    return prepare(batch, training=True)['inputs'][0].numpy()


def colour_draw(recorded: dict) -> ColourDraw:
    return ColourDraw(
        brightness=recorded['brightness_beta'],
        contrast=recorded['contrast_alpha'],
        contrast_first=recorded['contrast_first'],
        saturation=recorded['saturation_alpha'],
        hue=recorded['hue_shift'],
    )


@pytest.mark.parametrize('scale', [0.73, 1.41])
def test_scale(scale: float) -> None:
    results = MultiTaskRandomScale(scales=[1.0]).apply(base_sample(), scale)
    np.testing.assert_allclose(
        results['img'][..., ::-1],
        ARRAYS[f'scale_{scale}/image'],
        rtol=0,
        atol=1e-4,
    )
    assert_labels(f'scale_{scale}', results['labels'])
    assert results['zoom'] == scale


def test_flip() -> None:
    results = MultiTaskRandomFlip().apply(base_sample(), True)
    np.testing.assert_array_equal(
        results['img'][..., ::-1], ARRAYS['flip/image']
    )
    assert_labels('flip', results['labels'])


@pytest.mark.parametrize('case', sorted(SPEC['photometric']))
def test_photometric(case: str) -> None:
    draw = colour_draw(SPEC['photometric'][case])
    results = MultiTaskPhotoMetricDistortion().apply(base_sample(), draw)
    np.testing.assert_array_equal(
        results['img'][..., ::-1], ARRAYS[f'photometric_{case}/image']
    )


def test_normalize_and_pad() -> None:
    results = MultiTaskCenteredPad(size=SPEC['pad_size'])(base_sample())
    results = IgnoreEmptyHumanParts()(results)
    assert_labels('normalize_pad_ignore', to_authors_ignore(results['labels']))
    want = ARRAYS['normalize_pad_ignore/image'].transpose(2, 0, 1)
    found = preprocess(results)
    np.testing.assert_allclose(found, want, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(found[want == 0], 0)


def test_ignore_empty_human_parts() -> None:
    results = base_sample()
    parts = np.zeros_like(results['labels']['human_parts'])
    parts[:3] = 255
    results['labels']['human_parts'] = parts
    results = IgnoreEmptyHumanParts()(results)
    assert_labels(
        'ignore_no_person',
        {'human_parts': results['labels']['human_parts']},
    )


@pytest.mark.parametrize('case', sorted(SPEC['pipeline']))
def test_pipeline(case: str) -> None:
    drawn = SPEC['pipeline'][case]
    size = tuple(drawn['crop_size'])
    results = base_sample()
    results = MultiTaskRandomScale(scales=[1.0]).apply(results, drawn['scale'])
    assert list(results['img_shape']) == drawn['scaled_size']
    crop = MultiTaskRandomCrop(crop_size=size, cat_max_ratio=0.75)
    results = crop.apply(results, *drawn['crop_top_left'])
    results = MultiTaskRandomFlip().apply(results, drawn['flip'])
    results = MultiTaskPhotoMetricDistortion().apply(
        results, colour_draw(drawn['photometric'])
    )
    results = MultiTaskCenteredPad(size=size)(results)
    results = IgnoreEmptyHumanParts()(results)
    assert_labels(f'pipeline_{case}', to_authors_ignore(results['labels']))
    np.testing.assert_allclose(
        preprocess(results),
        ARRAYS[f'pipeline_{case}/image'],
        rtol=0,
        atol=2e-6,
    )


def test_crop_accepts_what_the_authors_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In the fixture the first window drawn was accepted in every case.
    drawn = SPEC['pipeline']['0']
    results = MultiTaskRandomScale(scales=[1.0]).apply(
        base_sample(), drawn['scale']
    )
    places = iter([tuple(drawn['crop_top_left'])])
    crop = MultiTaskRandomCrop(
        crop_size=tuple(drawn['crop_size']), cat_max_ratio=0.75
    )
    monkeypatch.setattr(crop, '_draw_place', lambda shape: next(places))
    assert list(crop.draw(results)) == drawn['crop_top_left']


def test_packed_labels_have_the_types_of_the_table() -> None:
    sample = PackMultiTaskInputs()(base_sample())['data_samples']
    assert sample.gt_sem_seg.data.dtype == torch.int64
    np.testing.assert_array_equal(
        sample.get_gt('normals'),
        base_sample()['labels']['normals'].transpose(2, 0, 1),
    )
