from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mmmtl.models.data_preprocessor import MultiTaskDataPreprocessor
from mmmtl.tasks import TASKS
from tests.tiny import random_batch, random_sample

CLASSES = {'semseg': 5, 'human_parts': 3}
MEAN, STD = [10.0, 20.0, 30.0], [1.0, 2.0, 4.0]


def two_sizes(tasks: Any = ('depth',), **metainfo: Any) -> dict[str, Any]:
    """Images of 4x6 and 3x5 pixels, all grey levels 50."""
    sizes = [(4, 6), (3, 5)]
    return dict(
        inputs=[torch.full((3, *s), 50, dtype=torch.uint8) for s in sizes],
        data_samples=[
            random_sample(tasks, s, CLASSES, **metainfo) for s in sizes
        ],
    )


def test_normalisation_in_the_network_s_channel_order() -> None:
    """(x - mean) / std after BGR became RGB.

    The loaded pixel (B, G, R) = (34, 24, 12) is (12, 24, 34) in RGB:
    (12 - 10) / 1 = 2, (24 - 20) / 2 = 2, (34 - 30) / 4 = 1.
    """
    pixel = torch.tensor([34, 24, 12], dtype=torch.uint8).view(3, 1, 1)
    preprocess = MultiTaskDataPreprocessor(mean=MEAN, std=STD, bgr_to_rgb=True)
    out = preprocess(dict(inputs=[pixel]))['inputs']
    assert out.dtype == torch.float32
    assert out.flatten().tolist() == [2, 2, 1]
    preprocess.bgr_to_rgb = False
    # (34 - 10) / 1, (24 - 20) / 2, (12 - 30) / 4
    out = preprocess(dict(inputs=[pixel]))['inputs']
    assert out.flatten().tolist() == [24, 2, -4.5]


def test_without_mean_the_values_stay() -> None:
    pixel = torch.tensor([34, 24, 12], dtype=torch.uint8).view(3, 1, 1)
    out = MultiTaskDataPreprocessor()(dict(inputs=[pixel]))
    assert out['inputs'].flatten().tolist() == [34, 24, 12]
    assert out['data_samples'] is None


def test_images_are_padded_right_and_below_with_the_mean_colour() -> None:
    out = MultiTaskDataPreprocessor(mean=MEAN, std=STD)(two_sizes())['inputs']
    assert out.shape == (2, 3, 4, 6)
    inside = torch.tensor([40.0, 15.0, 5.0]).view(3, 1, 1)
    assert torch.equal(out[1, :, :3, :5], inside.expand(3, 3, 5))
    assert out[1, :, 3:].abs().max() == 0
    assert out[1, :, :, 5:].abs().max() == 0
    assert torch.equal(out[0], inside.expand(3, 4, 6))


def test_sizes_become_multiples_of_the_divisor() -> None:
    preprocess = MultiTaskDataPreprocessor(size_divisor=4)
    out = preprocess(two_sizes(), training=True)
    assert out['inputs'].shape == (2, 3, 4, 8)
    for sample in out['data_samples']:
        assert sample.get_gt('depth').shape == (1, 4, 8)
    # Already a multiple: nothing is added.
    out = preprocess(dict(inputs=[torch.zeros(3, 4, 8)]))
    assert out['inputs'].shape == (1, 3, 4, 8)


@pytest.mark.parametrize('task', TASKS)
def test_labels_are_padded_with_their_ignore_value(task: str) -> None:
    kind = TASKS[task].kind
    batch = two_sizes(tuple(TASKS))
    labels = [sample.get_gt(task) for sample in batch['data_samples']]
    out = MultiTaskDataPreprocessor()(batch, training=True)['data_samples']
    assert torch.equal(out[0].get_gt(task), labels[0])
    padded = out[1].get_gt(task)
    assert padded.shape == (kind.components, 4, 6)
    assert padded.dtype == kind.dtype
    assert torch.equal(padded[:, :3, :5], labels[1])
    border = torch.cat([padded[:, 3:].flatten(), padded[:, :, 5:].flatten()])
    if math.isnan(kind.no_label):
        assert border.isnan().all()
    else:
        assert (border == kind.no_label).all()
    assert int(kind.valid(padded).sum()) == 15


def test_in_testing_labels_stay_at_the_original_size() -> None:
    batch = two_sizes(tuple(TASKS))
    labels = [sample.get_gt('edge') for sample in batch['data_samples']]
    out = MultiTaskDataPreprocessor()(batch, training=False)['data_samples']
    for sample, label in zip(out, labels, strict=True):
        assert torch.equal(sample.get_gt('edge'), label)


@pytest.mark.parametrize('training', [True, False])
def test_padding_size_says_how_to_cut(training: bool) -> None:
    """Left, right, top, bottom; what the pipeline padded is added to."""
    batch = two_sizes()
    batch['data_samples'][1].set_metainfo({'padding_size': (1, 2, 0, 1)})
    out = MultiTaskDataPreprocessor()(batch, training)['data_samples']
    assert out[0].metainfo['padding_size'] == (0, 0, 0, 0)
    assert out[1].metainfo['padding_size'] == (1, 2 + 1, 0, 1 + 1)


def test_the_pipeline_s_padding_becomes_exactly_zero() -> None:
    """Grey levels cannot hold the mean colour, so it is put right here."""
    image = torch.randint(256, (3, 6, 8), dtype=torch.uint8)
    sample = random_sample(['depth'], (6, 8), padding_size=(2, 1, 1, 3))
    preprocess = MultiTaskDataPreprocessor(mean=MEAN, std=STD)
    plain = preprocess(dict(inputs=[image]))['inputs'][0]
    out = preprocess(dict(inputs=[image], data_samples=[sample]))['inputs'][0]
    inner = (slice(None), slice(1, 6 - 3), slice(2, 8 - 1))
    assert torch.equal(out[inner], plain[inner])
    rest = out.clone()
    rest[inner] = 0
    assert rest.abs().max() == 0


def test_the_caller_s_batch_is_left_alone() -> None:
    """A data set that caches samples gives the same ones again."""
    batch = two_sizes(tuple(TASKS))
    preprocess = MultiTaskDataPreprocessor(mean=MEAN, std=STD)
    once = preprocess(batch, training=True)
    twice = preprocess(batch, training=True)
    assert torch.equal(once['inputs'], twice['inputs'])
    for one, two in zip(
        once['data_samples'], twice['data_samples'], strict=True
    ):
        assert one.metainfo == two.metainfo
        assert torch.equal(one.get_gt('semseg'), two.get_gt('semseg'))
    assert 'padding_size' not in batch['data_samples'][1].metainfo


def test_a_stacked_batch_is_a_batch_too() -> None:
    batch = random_batch(['depth'])
    stacked = dict(batch, inputs=torch.stack(batch['inputs']))
    preprocess = MultiTaskDataPreprocessor(mean=MEAN, std=STD)
    assert torch.equal(
        preprocess(stacked)['inputs'], preprocess(batch)['inputs']
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(mean=MEAN), 'give both or neither'),
        (dict(std=STD), 'give both or neither'),
    ],
)
def test_settings_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskDataPreprocessor(**arguments)


def test_mean_and_std_are_no_weights() -> None:
    """A checkpoint must not fix the normalisation."""
    preprocess = MultiTaskDataPreprocessor(mean=MEAN, std=STD)
    assert not preprocess.state_dict()
    mean: Tensor = dict(preprocess.named_buffers())['mean']
    assert mean.flatten().tolist() == MEAN
