"""Config, data set, weights and model must fit together before a run."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset, DefaultSampler, InfiniteSampler
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mmmtl.datasets import FolderDataset
from mmmtl.datasets.nyud.dataset import NYUDv2Dataset
from mmmtl.engine.preflight import (
    check_class_counts,
    check_counting,
    check_metrics,
    check_training_labels,
    preflight,
)
from mmmtl.engine.prepare import check_sections
from mmmtl.engine.weights import check_pretrained_fit
from mmmtl.errors import UserError
from mmmtl.evaluation import DepthErrorMetric, NormalsMetric
from mmmtl.models.decode_heads.task_outputs import read_tasks
from mmmtl.tasks import register_task
from tests.own_tasks import own_table


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


def head(channels):
    return Model(channels).decode_head


def data(tasks=('semseg', 'depth'), **metainfo):
    """A data set that has not looked at the disk."""
    return NYUDv2Dataset(
        'nowhere',
        split='train',
        tasks=tasks,
        pipeline=[],
        metainfo=metainfo,
        lazy_init=True,
    )


THREE = dict(classes=['a', 'b', 'c'], palette=[[0] * 3] * 3)
check_counts = partial(check_class_counts, 'train_dataloader')


def test_classes_and_channels_must_agree():
    check_counts(data(), head(40))
    check_counts(data(**THREE), head(3))
    with pytest.raises(
        UserError,
        match=r'data set of train_dataloader has 40 classes of semseg, the '
        r'model 3 channels: set model.decode_head.tasks.semseg.out_channels=4',
    ):
        check_counts(data(), head(3))
    with pytest.raises(UserError, match='has 3 classes'):
        check_counts(data(**THREE), head(40))


def test_classes_of_auxiliary_tasks_must_agree_too():
    model = head(40)
    model.outputs = read_tasks(dict(depth={}))
    model.auxiliary_outputs = read_tasks(dict(semseg=dict(out_channels=3)))
    with pytest.raises(
        UserError, match=r'decode_head.auxiliary_tasks.semseg.out_channels=40'
    ):
        check_counts(data(), model)


def test_classes_may_be_listed_in_a_file(tmp_path):
    path = tmp_path / 'classes.txt'
    with pytest.raises(
        UserError, match=r'classes\.txt, which metainfo.classes .*missing'
    ):
        check_counts(data(classes=str(path), palette=None), head(3))
    path.write_text('a\nb\nc\n')
    listed = data(classes=str(path), palette=None)
    check_counts(listed, head(3))
    with pytest.raises(UserError, match='has 3 classes'):
        check_counts(listed, head(len(str(path))))


def test_a_missing_list_of_classes_of_ones_own_task_is_named(tmp_path):
    with own_table():
        register_task('wood', kind='classes')
        folder = FolderDataset(
            tmp_path,
            split='train',
            tasks=None,
            pipeline=[],
            image='{}.png',
            labels=dict(wood='{}.png'),
            splits=dict(train=1.0),
            classes=dict(wood=['oak']),
            metainfo=dict(wood_classes='gone.txt'),
            lazy_init=True,
        )
        words = r'gone\.txt, which metainfo.wood_classes .*missing'
        with pytest.raises(UserError, match=words):
            check_counts(folder, head(3))


def pretrained(tmp_path, state, **init_cfg):
    torch.save({'state_dict': state}, tmp_path / 'weights.pth')
    init_cfg = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'weights.pth'), **init_cfg
    )
    return dict(model=dict(backbone=dict(init_cfg=init_cfg)))


def check_fit(config):
    model = Model(3)
    # As a backbone of mmseg keeps it.
    model.backbone.init_cfg = config['model']['backbone']['init_cfg']
    check_pretrained_fit(config, model)


def test_weights_of_the_same_network_are_accepted(tmp_path):
    state = Model(3).backbone.state_dict()
    check_fit(pretrained(tmp_path, state))
    nested = {f'backbone.{key}': value for key, value in state.items()}
    check_fit(pretrained(tmp_path, nested, prefix='backbone.'))


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
        check_fit(pretrained(tmp_path, state))
    assert '--cfg-options model.backbone.init_cfg=None' in str(refused.value)


def test_every_supervised_task_needs_labels_in_training():
    check_training_labels(data(), head(40))
    with pytest.raises(
        UserError,
        match=r"decode_head.tasks has \['depth'\], of which no training data "
        r'set reads labels: add them to train_dataloader.dataset.tasks',
    ):
        check_training_labels(data(['semseg']), head(40))
    model = head(40)
    model.auxiliary_outputs = read_tasks(dict(edge={}, normals={}))
    with pytest.raises(
        UserError, match=r"head.auxiliary_tasks has \['edge', 'normals'\], of"
    ):
        check_training_labels(data(), model)


def test_labels_may_be_spread_over_data_sets():
    parts = [data(['semseg']), data(['depth'])]
    several = partial(ConcatDataset, lazy_init=True)
    check_training_labels(several(parts), head(40))
    repeated = SimpleNamespace(dataset=several(parts[:1]))
    with pytest.raises(UserError, match=r"has \['depth'\], of which no tr"):
        check_training_labels(repeated, head(40))
    # Of a data set of another library nobody knows what it gives.
    foreign = TensorDataset(torch.zeros(1))
    mixed = SimpleNamespace(datasets=[parts[0], foreign])
    check_training_labels(mixed, head(40))
    # Nor of a model of another library what it wants.
    check_training_labels(parts[0], None)


METRICS = [DepthErrorMetric(), NormalsMetric()]


def test_metrics_measure_what_the_model_predicts():
    """Else the first validation fails, thousands of iterations later."""
    both = data(['depth', 'normals'])
    with pytest.raises(
        UserError,
        match=r"val_evaluator measures \['normals'\], which the model does "
        r"not predict \(it predicts \['semseg', 'depth'\]\)",
    ):
        check_metrics('val', METRICS, both, head(40))
    check_metrics('val', METRICS[:1], both, head(40))
    check_metrics('val', METRICS, both, None)  # another library's model


def test_metrics_need_labels_in_their_own_data_set():
    model = head(40)
    model.outputs = read_tasks(dict(depth={}, normals={}))
    check_metrics('test', METRICS, data(['depth', 'normals']), model)
    with pytest.raises(
        UserError, match=r"test_evaluator measures \['normals'\], of which its"
    ):
        check_metrics('test', METRICS, data(['depth']), model)


def counting(
    loop=IterBasedTrainLoop, sampler=InfiniteSampler, schedulers=(), hook=None
):
    """A runner's parts that count."""
    train_loop = loop.__new__(loop)
    dataset = TensorDataset(torch.zeros(4))
    train_loop.dataloader = DataLoader(dataset, sampler=sampler(dataset))
    return SimpleNamespace(
        train_loop=train_loop,
        param_schedulers=list(schedulers),
        hooks=[CheckpointHook(**(hook or dict(by_epoch=False)))],
    )


def test_an_iteration_loop_has_no_epochs_to_count():
    steps = dict(type='PolyLR', by_epoch=False)
    check_counting(counting(schedulers=[steps]))
    with pytest.raises(
        UserError, match=r'^param_scheduler\.1 counts epochs.*by_epoch=False'
    ):
        check_counting(counting(schedulers=[steps, dict(type='PolyLR')]))
    with pytest.raises(UserError, match=r'^default_hooks\.checkpoint counts'):
        check_counting(counting(hook=dict(interval=1)))


@pytest.mark.parametrize(
    'scheduler',
    [
        dict(type='ReduceOnPlateauLR', monitor='delta_m'),
        dict(type='PolyLR', by_epoch=True, convert_to_iter_based=True),
    ],
)
def test_schedules_of_epochs_that_move_all_the_same(scheduler):
    check_counting(counting(schedulers=[scheduler]))


def test_an_epoch_must_end():
    epochs = partial(
        counting, EpochBasedTrainLoop, hook=dict(), schedulers=[dict(type='x')]
    )
    check_counting(epochs(sampler=DefaultSampler))
    with pytest.raises(UserError, match='never ends'):
        check_counting(epochs())


def runner(**changes):
    """A runner's parts, as the run would build them."""
    model = Model(40)
    dataset = data()
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=dataset),
        evaluator=SimpleNamespace(metrics=METRICS[:1]),
    )
    parts = dict(
        train_loop=loop,
        cfg=Config(),
        model=model,
        train_dataloader=SimpleNamespace(dataset=dataset),
        val_loop=loop,
        test_loop=loop,
        hooks=[],
        param_schedulers=None,
    )
    return SimpleNamespace(**{**parts, **changes})


def test_preflight_looks_at_what_a_run_uses():
    preflight(runner(val_loop=None), 'train')
    preflight(runner(), 'test')
    wrong = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=data()),
        evaluator=SimpleNamespace(metrics=METRICS),
    )
    unlabelled = SimpleNamespace(dataset=data(['semseg']))
    preflight(runner(test_loop=wrong), 'train')
    for purpose, parts in (
        ('test', dict(test_loop=wrong)),
        ('train', dict(val_loop=wrong)),
        ('train', dict(train_dataloader=unlabelled)),
        ('train', dict(model=Model(39))),
    ):
        with pytest.raises(UserError):
            preflight(runner(**parts), purpose)


@pytest.mark.parametrize('purpose', ['train', 'test'])
def test_a_painter_that_nobody_has_is_found_before_the_first_step(purpose):
    with own_table():
        register_task('height', kind='scalar', painter='gray')
        model = Model(40)
        model.decode_head.outputs |= read_tasks(dict(height={}))
        with pytest.raises(ValueError, match="'gray': did you mean 'grey'"):
            preflight(runner(model=model), purpose)
