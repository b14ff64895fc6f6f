"""Kinds from outside: channels that are no classes, numbers, no ids."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from torch import Tensor, nn

from mmmtl.apis.outputs import encode_map, map_suffix
from mmmtl.apis.score_maps import score_maps
from mmmtl.datasets import FolderDataset
from mmmtl.datasets.inspection import Answers, inspect_folder, new_config
from mmmtl.datasets.transforms.class_ids import ShiftClassIds
from mmmtl.deploy.exportable import void_of
from mmmtl.engine.config_tasks import complete_tasks
from mmmtl.engine.preflight import check_class_counts
from mmmtl.errors import UserError
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.models.decode_heads.task_outputs import read_tasks
from mmmtl.tasks import Kind, Primary, get_task, register_kind, register_task
from mmmtl.tasks.kinds import Classes
from mmmtl.visualization.picture_record import picture_record
from tests.own_tasks import own_table

NAMES = ['new', 'used', 'worn']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
]


@pytest.fixture(autouse=True)
def _own_kinds() -> Iterator[None]:
    with own_table():
        register_kind('grades')(Grades)
        register_kind('crowd')(Crowd)
        register_task('wear', kind='grades')
        register_task('people', kind='crowd')
        yield


class CountMetric(BaseTaskMetric):
    """Reports the number of classes that it was given."""

    reports = ('classes',)

    def __init__(self, *, task: str, num_classes: int) -> None:
        super().__init__(task=task)
        self.num_classes = num_classes

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> tuple:
        return (label.sum(),)

    def summarize(self, sums: tuple, count: int) -> dict[str, float]:
        return {'classes': float(self.num_classes)}


class _Shared(Kind):
    """What the two have in common."""

    no_label = 255
    loss = {'type': 'SegCrossEntropyLoss'}
    metric = {'type': 'SegmentationMetric'}
    primary = Primary('mae', lower_is_better=True)
    unit = 'id'

    def statistics(self, values: Tensor) -> Tensor:
        return torch.stack([values.sum().double()])

    def best_constant(self, statistics: Tensor) -> Tensor:
        return statistics

    def read(self, stored: np.ndarray) -> np.ndarray:
        return stored.astype(np.uint8)


@dataclass(frozen=True)
class Grades(_Shared):
    """Ordered classes: a channel says whether it is more than a class."""

    dtype = torch.int64
    pred_dtype = torch.int64
    painter = 'classes'
    metric = {'type': CountMetric}

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        return () if num_classes is None else (num_classes - 1,)

    def activate(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def finalize(self, soft: Tensor) -> Tensor:
        return (soft > 0.5).sum(-3, keepdim=True)


@dataclass(frozen=True)
class Crowd(_Shared):
    """Number of people; hundreds, and below 0 where it is unsure."""

    pred_dtype = torch.int64
    painter = 'heat'

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        return (1,)

    def activate(self, logits: Tensor) -> Tensor:
        return logits


def test_a_kind_made_of_classes_decodes_its_own_way() -> None:
    """A logit of 0.3 is a share of 0.57, more than a half."""

    class Worn(Classes):
        activate, finalize = Grades.activate, Grades.finalize

    logits = torch.tensor([0.3, -0.3]).view(1, 2, 1, 1)
    assert Worn().decode(logits).item() == 1
    assert Classes().decode(logits).item() == 0


def test_classes_need_not_be_channels() -> None:
    """Three ordered classes are two questions."""
    labels = dict(wear='wear/{}.png')
    folder = dict(
        type='FolderDataset',
        data_root='nowhere',
        image='rgb/{}.png',
        labels=labels,
        splits=dict(train=1.0),
        tasks=['wear'],
        pipeline=[],
        split='train',
    )
    with pytest.raises(ValueError, match=r"'wear' has no classes: name them"):
        FolderDataset(**{k: v for k, v in folder.items() if k != 'type'})
    folder['classes'] = dict(wear=NAMES)
    config = Config(
        dict(
            model=dict(decode_head=dict(type='PerTaskHeads')),
            train_dataloader=dict(dataset=folder),
        )
    )
    complete_tasks(config)
    outputs = config.model.decode_head.tasks.to_dict()
    assert outputs['wear']['out_channels'] == 2
    head = nn.Module()
    head.outputs = read_tasks(outputs)
    data = FolderDataset(
        **{k: v for k, v in folder.items() if k != 'type'}, lazy_init=True
    )
    assert data.class_counts() == {'wear': 3}
    check_class_counts('train_dataloader', data, head)
    head.outputs = read_tasks({'wear': dict(out_channels=3)})
    with pytest.raises(
        UserError, match=r'3 classes of wear, the model 3 .*out_channels=2'
    ):
        check_class_counts('train_dataloader', data, head)


def wear_folder(root: Path, values: list[int], suffix: str = '.png') -> Path:
    """Write four images with maps whose first pixels are the values."""
    for folder in ('rgb', 'wear'):
        (root / folder).mkdir(parents=True)
    for sample_id in 'abcd':
        picture = np.zeros((4, 6, 3), np.uint8)
        Image.fromarray(picture).save(root / f'rgb/{sample_id}.png')
        stored = np.zeros((4, 6), np.uint8)
        stored[0, : len(values)] = values
        Image.fromarray(stored).save(root / f'wear/{sample_id}{suffix}')
    return root


@pytest.mark.parametrize(
    ('values', 'given', 'names'),
    [
        ([1, 2, 255], {}, ['id_0', 'id_1', 'id_2']),
        ([1, 2, 255], {'wear': NAMES}, NAMES),
        ([1], {'wear': NAMES}, NAMES),
    ],
)
def test_init_names_the_classes_of_any_kind(
    tmp_path: Path, values: list[int], given: dict, names: list[str]
) -> None:
    root, out = wear_folder(tmp_path / 'data', values), tmp_path / 'c.py'
    new_config(root, [get_task('wear')], out, answers=Answers(classes=given))
    variables: dict = {}
    exec(out.read_text(), variables)
    folder = variables['folder']
    assert folder['classes'] == dict(wear=names)
    options = dict(split='train', tasks=None, pipeline=PIPELINE)
    label = FolderDataset(**folder, **options)[0]['labels']['wear']
    assert label[0, : len(values)].tolist() == values


@pytest.mark.parametrize(
    ('values', 'given', 'suffix', 'words'),
    [
        ([0], {}, '.png', 'no id above 0: name its classes, --classes wear='),
        ([3], {'wear': NAMES}, '.png', 'names 3 classes, .* ids up to 3'),
        ([3], {}, '.jpg', 'a JPEG, which changes class ids'),
    ],
)
def test_init_says_what_classes_of_any_kind_lack(
    tmp_path: Path, values: list, given: dict, suffix: str, words: str
) -> None:
    root = wear_folder(tmp_path, values, suffix)
    answers = Answers(
        image='rgb/{}.png',
        labels=dict(wear='wear/{}' + suffix),
        classes=given,
    )
    with pytest.raises(ValueError, match=words):
        inspect_folder(root, [get_task('wear')], answers=answers)


def test_ids_of_any_kind_may_be_stored_otherwise(tmp_path: Path) -> None:
    root = wear_folder(tmp_path, [7, 8, 9, 255])
    for row in (dict(ids=[7, 8, 9]), dict(first_id=7)):
        dataset = FolderDataset(
            root,
            split='train',
            splits=dict(train=1.0),
            tasks=None,
            pipeline=PIPELINE,
            image='rgb/{}.png',
            labels=dict(
                wear=dict(path='wear/{}.png', no_label=[0, 255], **row)
            ),
            classes=dict(wear=NAMES),
        )
        label = dataset[0]['labels']['wear']
        assert label[0].tolist() == [0, 1, 2, 255, 255, 255]
    shift = ShiftClassIds(task='wear', offset=1)
    moved = shift.transform({'labels': {'wear': label}})['labels']['wear']
    assert moved[0].tolist() == [1, 2, 3, 255, 255, 255]


def test_score_takes_the_number_of_classes_of_any_kind(
    tmp_path: Path,
) -> None:
    root = wear_folder(tmp_path, [1, 2])
    maps = root / 'wear'
    with pytest.raises(UserError, match="'wear': give the number of classes"):
        score_maps(maps, maps, task='wear')
    found = score_maps(maps, maps, task='wear', classes=3)
    assert found['metrics'] == dict(classes=3)


def test_whole_numbers_that_are_no_ids_keep_their_values() -> None:
    """A byte would make 44 of 300, and 255 of -1."""
    values = np.array([[-1, 300], [70_000, 0]])
    assert map_suffix('people') == '.npy'
    found = np.load(io.BytesIO(encode_map('people', values)))
    np.testing.assert_array_equal(found, values)
    ids = np.array([[0, 254]])
    assert map_suffix('wear') == '.png'
    picture = np.frombuffer(encode_map('wear', ids), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(picture, -1), ids)


def test_a_gallery_shows_whole_numbers_as_numbers() -> None:
    values = np.array([[-40, 300], [70_000, 0]])
    image = np.zeros((2, 2, 3), np.uint8)
    (record,) = picture_record('x', image, {'people': values})['tasks']
    assert record['form'] == 'number'
    assert (record['least'], record['most']) == (-40, 70_000)
    assert record['values']['low'] == -40
    (record,) = picture_record(
        *('x', image, {'wear': np.array([[0, 1], [1, 1]])}),
        {get_task('wear').classes_key: NAMES},
    )['tasks']
    assert [c['name'] for c in record['classes']] == ['used', 'new']


def test_an_exported_map_of_numbers_is_void_below_all_of_them() -> None:
    """255 people may be right; no class has the id 255."""
    assert void_of('people') == torch.iinfo(torch.int64).min
    assert void_of('semseg') == 255
    assert math.isnan(void_of('depth'))
