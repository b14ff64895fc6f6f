"""Real pictures of people with maps of twenty parts, one of them grey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.evaluation import SegmentationMetric
from mmmtl.structures import MultiTaskDataSample
from tests.test_datasets.real_data import real_folder

IDS = ('train/684_2150041', 'val/86_185913')
# Background; hat, hair, sunglasses, face are the head; the rest is the body.
GROUP_OF_ID = np.full(20, 2, np.uint8)
GROUP_OF_ID[0] = 0
GROUP_OF_ID[[1, 2, 4, 13]] = 1


def twenty(stored: np.ndarray) -> np.ndarray:
    return stored.copy()


def groups(stored: np.ndarray) -> np.ndarray:
    return GROUP_OF_ID[stored]


class People(BaseMultiTaskDataset):
    METAINFO = dict(human_parts_classes=tuple(map(str, range(20))))
    HINT = 'two samples'

    def image_pattern(self) -> str:
        return '{}.jpg'

    def label_table(self) -> dict[str, LabelFile]:
        return {'human_parts': LabelFile('{}.png', twenty)}

    def split_file(self, split: str) -> str:
        return split


class Groups(People):
    METAINFO = dict(human_parts_classes=('background', 'head', 'body'))

    def label_table(self) -> dict[str, LabelFile]:
        return {'human_parts': LabelFile('{}.png', groups)}


def packed(
    kind: type[People], tmp_path: Path
) -> tuple[People, list[MultiTaskDataSample]]:
    folder = real_folder('human_parts/lip')
    (tmp_path / 'ids.txt').write_text('\n'.join(IDS))
    dataset = kind(
        folder,
        split=str(tmp_path / 'ids.txt'),
        tasks=['human_parts'],
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
            dict(type='PackMultiTaskInputs'),
        ],
    )
    return dataset, list(dataset)


def perfect_scores(
    dataset: People, samples: list[dict], empty_classes: str
) -> dict[str, float]:
    metric = SegmentationMetric(
        task='human_parts', empty_classes=empty_classes
    )
    metric.dataset_meta = dataset.metainfo
    for sample in (item['data_samples'] for item in samples):
        label = sample.get_gt('human_parts')
        sample.set_pred('human_parts', label.clone())
        metric.process(None, [sample.to_dict()])
    return metric.evaluate(len(samples))


def test_a_grey_photo_is_loaded_as_colour(tmp_path: Path) -> None:
    dataset, samples = packed(People, tmp_path)
    with Image.open(dataset.get_data_info(1)['img_path']) as picture:
        assert picture.mode == 'L'
        grey = np.asarray(picture).astype(int)
    image = samples[1]['inputs'].numpy()
    assert image.shape == (3, 377, 130)
    # Decoders differ by a grey level or two.
    assert np.abs(image - grey).max() <= 2
    assert (samples[0]['inputs'][0] != samples[0]['inputs'][2]).any()


def test_twenty_classes(tmp_path: Path) -> None:
    dataset, samples = packed(People, tmp_path)
    found = [
        torch.unique(sample['data_samples'].get_gt('human_parts')).tolist()
        for sample in samples
    ]
    assert found == [[0, 2, 5, 13, 14, 15], [0, 1, 5, 9, 13, 15]]
    ideal = dict.fromkeys(('mIoU', 'mAcc', 'aAcc'), 100)
    assert perfect_scores(dataset, samples, 'skip') == {
        f'human_parts/{name}': value for name, value in ideal.items()
    }
    # 8 of the 20 occur.
    scores = perfect_scores(dataset, samples, 'zero')
    assert scores['human_parts/mIoU'] == pytest.approx(100 * 8 / 20)


def test_classes_mapped_to_groups(tmp_path: Path) -> None:
    dataset, samples = packed(Groups, tmp_path)
    for sample in samples:
        label = sample['data_samples'].get_gt('human_parts')[0]
        rows = [
            torch.nonzero(label == group)[:, 0].float().mean()
            for group in (1, 2)
        ]
        assert rows[0] < rows[1]  # heads are above bodies
    scores = perfect_scores(dataset, samples, 'zero')
    assert scores['human_parts/mIoU'] == 100
