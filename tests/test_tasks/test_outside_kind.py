"""The kind that CONTRIBUTING gives as a model behaves as kinds must."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mmmtl.apis import (
    MultiTaskInferencer,
    from_pretrained,
    save_pretrained,
)
from mmmtl.apis.pictures import collect_pictures
from mmmtl.apis.stabiliser import Stabiliser, predict_steady
from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.deploy.exportable import make_exportable
from mmmtl.deploy.picture_steps import measure_steps
from mmmtl.errors import UserError
from mmmtl.models.postprocess import undo_augmentation
from mmmtl.tasks import TASKS, get_task, register_task
from mmmtl.visualization import display_range, paint
from tests.own_tasks import forget_outside, outside_modules
from tests.test_deploy.tiny_configs import fcn, noise, tiny_config

# What `constant` says, in degrees, metres and metres.
SAID = {'aspect': 90.0, 'height': 12.0, 'depth': 5.0}


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    with outside_modules():
        __import__('outside_kind')
        yield


@pytest.mark.parametrize(
    ('direction', 'seen'), [('horizontal', 150.0), ('vertical', 330.0)]
)
def test_views_are_averaged_in_one_frame(direction: str, seen: float) -> None:
    """30 degrees look like `seen` in the mirror; both views say 30."""
    kind = get_task('aspect').kind
    views = []
    for degrees, metainfo in (
        (30.0, {}),
        (seen, dict(flip=True, flip_direction=direction)),
    ):
        angle = torch.tensor(degrees).deg2rad()
        logits = torch.stack([angle.cos(), angle.sin()]).view(2, 1, 1)
        soft = undo_augmentation(
            'aspect', logits.expand(2, 3, 2), metainfo, then=kind.activate
        )
        assert soft.shape == (2, 3, 2)
        views.append(soft)
    found = kind.finalize(torch.stack(views).mean(0))
    torch.testing.assert_close(found, torch.full((1, 3, 2), 30.0))


def test_labels_mirror_and_turn_as_predictions_do() -> None:
    kind = get_task('aspect').kind
    label = np.float32([[30, np.nan], [350, 0]])  # two pixels wide
    np.testing.assert_allclose(
        kind.flip(label, 'horizontal', axis=-1),
        [[150, np.nan], [190, 180]],
    )
    np.testing.assert_allclose(
        kind.flip(label, 'vertical', axis=-1), [[330, np.nan], [10, 0]]
    )
    # From x to y, which points down: a counter-clockwise turn takes away.
    np.testing.assert_allclose(
        kind.turn(label, 40.0, axis=-1), [[350, np.nan], [310, 320]]
    )


def test_between_two_frames_the_shorter_way_counts() -> None:
    now, before = np.array([[359.0, 10, 90]]), np.array([[1.0, 350, 270]])
    found = get_task('aspect').kind.difference(now, before)
    np.testing.assert_array_equal(found, [2, 20, 180])


def test_a_picture_shows_degrees() -> None:
    values = np.linspace(0, 359, 360, dtype=np.float32).reshape(1, 12, 30)
    low, high = display_range('aspect', values)
    assert low < 3
    assert high > 356
    levels = np.unique(paint('aspect', values)[..., 0])
    assert len(levels) > 200


@pytest.fixture
def constant() -> MultiTaskInferencer:
    """Logits are 0, of directions cosine 0 and sine 1."""
    register_task('height', kind='scalar', unit='m', mean=12.0, spread=5.0)
    tasks = dict(aspect={}, height={}, depth=dict(max_value=10.0))
    config = tiny_config('FCN', decode_head=fcn()['decode_head'])
    config.model.decode_head.tasks = tasks
    config.custom_imports = dict(imports=['outside_kind'])
    found = MultiTaskInferencer(config, device='cpu')
    with torch.no_grad():
        for values in found.model.decode_head.parameters():
            values.zero_()
            if values.shape == (2,):
                values[1] = 1
    return found


def check(maps: dict[str, np.ndarray]) -> None:
    for task, value in SAID.items():
        np.testing.assert_allclose(maps[task], value, rtol=1e-5)


def test_every_door_decodes_as_the_kind_does(
    constant: MultiTaskInferencer,
) -> None:
    picture = noise(40, 56)
    check(constant(picture))
    check(constant(picture, tile=24))
    stabiliser = Stabiliser()
    for _ in range(2):
        item = constant.pipeline(*collect_pictures(picture))
        sample = predict_steady(constant.model, item, stabiliser)
        check({task: sample.get_pred(task).numpy() for task in SAID})
    steps = measure_steps(
        constant.pipeline, constant.model.data_preprocessor, (40, 56)
    )
    exportable = make_exportable(constant.model, steps)
    maps = exportable(torch.from_numpy(picture[None]))
    check({task: values.numpy() for task, values in maps.items()})


def test_a_saved_model_names_the_module(
    constant: MultiTaskInferencer, tmp_path: Path
) -> None:
    folder = save_pretrained(constant, tmp_path / 'saved')
    with outside_modules():
        forget_outside()
        with pytest.raises(UserError, match=r"\['outside_kind'\].*--trust"):
            from_pretrained(folder, device='cpu')
        again = from_pretrained(folder, device='cpu', trust_remote_code=True)
        check(again(noise(40, 56)))


class PlainDataset(BaseMultiTaskDataset):
    """Its label file does not know of the kind."""

    METAINFO = dict(dataset_name='plain')
    HINT = ''

    def image_pattern(self) -> str:
        return '{}.png'

    def label_table(self) -> dict[str, LabelFile]:
        return {'aspect': LabelFile('{}.npy', np.asarray)}

    def split_file(self, split: str) -> str:
        return split


def test_what_goes_to_another_process_brings_the_module() -> None:
    dataset = PlainDataset(
        'nowhere', split='train', tasks=None, pipeline=[], lazy_init=True
    )
    sent = [pickle.dumps(one) for one in (dataset, get_task('aspect'))]
    for content in sent:
        with outside_modules():
            forget_outside()
            assert 'aspect' not in TASKS
            pickle.loads(content)
            assert get_task('aspect').kind_name == 'direction'
