"""Config, data set, weights and model must fit together before a run."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmmtl.engine.fit_checks import (
    check_class_counts,
    check_sections,
    check_training_labels,
)
from mmmtl.engine.pretrained_fit import check_pretrained_fit
from mmmtl.engine.user_errors import UserError
from mmmtl.models.decode_heads.task_outputs import read_tasks


def test_a_config_without_loaders_cannot_train():
    config = Config(dict(model=dict(), train_cfg=dict(type='X')))
    with pytest.raises(
        UserError, match='no train_dataloader and no optim_wrapper'
    ):
        check_sections(config, 'train')
    with pytest.raises(UserError, match='it cannot test'):
        check_sections(config, 'test')


class Model(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.decode_head = nn.Module()
        self.decode_head.outputs = read_tasks(
            dict(semseg=dict(out_channels=channels), depth={})
        )
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def loaders(**dataset):
    dataset = dict(type='NYUDv2Dataset', tasks=['semseg', 'depth'], **dataset)
    return Config(dict(train_dataloader=dict(dataset=dataset)))


def test_classes_and_channels_must_agree():
    check_class_counts(loaders(), Model(40))
    three = dict(classes=['a', 'b', 'c'], palette=[[0] * 3] * 3)
    check_class_counts(loaders(metainfo=three), Model(3))
    with pytest.raises(
        UserError,
        match=r'train_dataloader.dataset has 40 classes of semseg, the model '
        r'3 channels: set model.decode_head.tasks.semseg.out_channels=40',
    ):
        check_class_counts(loaders(), Model(3))
    with pytest.raises(UserError, match='has 3 classes'):
        check_class_counts(loaders(metainfo=three), Model(40))


def test_classes_of_auxiliary_tasks_must_agree_too():
    model = Model(40)
    model.decode_head.outputs = read_tasks(dict(depth={}))
    model.decode_head.auxiliary_outputs = read_tasks(
        dict(semseg=dict(out_channels=3))
    )
    with pytest.raises(
        UserError, match=r'decode_head.auxiliary_tasks.semseg.out_channels=40'
    ):
        check_class_counts(loaders(), model)


def test_classes_may_be_listed_in_a_file(tmp_path):
    path = tmp_path / 'classes.txt'
    config = loaders(metainfo=dict(classes=str(path)))
    with pytest.raises(
        UserError, match=r'classes\.txt, which train_.*missing'
    ):
        check_class_counts(config, Model(3))
    path.write_text('a\nb\nc\n')
    check_class_counts(config, Model(3))
    with pytest.raises(UserError, match='has 3 classes'):
        check_class_counts(config, Model(len(str(path))))


def pretrained(tmp_path, state, **init_cfg):
    torch.save({'state_dict': state}, tmp_path / 'weights.pth')
    init_cfg = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'weights.pth'), **init_cfg
    )
    return dict(model=dict(backbone=dict(init_cfg=init_cfg)))


def test_weights_of_the_same_network_are_accepted(tmp_path):
    state = Model(3).backbone.state_dict()
    check_pretrained_fit(pretrained(tmp_path, state), Model(3))
    nested = {f'backbone.{key}': value for key, value in state.items()}
    config = pretrained(tmp_path, nested, prefix='backbone.')
    check_pretrained_fit(config, Model(3))


@pytest.mark.parametrize(
    'state',
    [
        {'stem.weight': torch.zeros(1)},
        {'0.weight': torch.zeros(8, 3, 1, 1), '0.bias': torch.zeros(8)},
    ],
    ids=['names', 'shapes'],
)
def test_weights_of_another_network_are_refused(tmp_path, state):
    with pytest.raises(
        UserError, match=r'weights\.pth are of another network: 0 tensors'
    ) as refused:
        check_pretrained_fit(pretrained(tmp_path, state), Model(3))
    assert '--cfg-options model.backbone.init_cfg=None' in str(refused.value)


def test_every_supervised_task_needs_labels_in_training():
    check_training_labels(loaders(), Model(40))
    config = loaders()
    config.train_dataloader.dataset.tasks = ['semseg']
    with pytest.raises(
        UserError,
        match=r"decode_head.tasks has \['depth'\], of which no training data "
        r'set reads labels: add them to train_dataloader.dataset.tasks',
    ):
        check_training_labels(config, Model(40))
    model = Model(40)
    model.decode_head.auxiliary_outputs = read_tasks(dict(edge={}, normals={}))
    with pytest.raises(
        UserError, match=r"head.auxiliary_tasks has \['edge', 'normals'\], of"
    ):
        check_training_labels(loaders(), model)


def test_labels_may_be_spread_over_data_sets():
    parts = [
        dict(type='NYUDv2Dataset', tasks=['semseg']),
        dict(type='NYUDv2Dataset', tasks=['depth']),
    ]
    dataset = dict(type='ConcatDataset', datasets=parts)
    config = Config(dict(train_dataloader=dict(dataset=dataset)))
    check_training_labels(config, Model(40))
    # What validation reads does not help training.
    del config.train_dataloader.dataset.datasets[1]
    config.val_dataloader = dict(dataset=parts[1])
    with pytest.raises(
        UserError, match=r'train_dataloader.dataset.datasets.0'
    ):
        check_training_labels(config, Model(40))
    # Of a data set of another library nobody knows what it gives.
    config.train_dataloader.dataset.datasets.append(dict(type='ADE20KDataset'))
    check_training_labels(config, Model(40))
    check_training_labels(Config(dict()), Model(40))
