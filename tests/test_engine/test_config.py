"""Where --cfg-options may add a key and where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmmtl.engine.config import check_option, check_top_level, load_config
from mmmtl.errors import UserError

CONFIG = dict(
    model=dict(
        backbone=dict(type='ResNet', depth=50, init_cfg=None),
        test_cfg=dict(mode='whole'),
        head=dict(loss=dict(weight=1.0)),
    ),
    env_cfg=dict(cudnn_benchmark=True, mp_cfg=dict()),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    train_dataloader=dict(
        batch_size=1,
        dataset=dict(
            metainfo=dict(classes=('a',)),
            pipeline=[dict(type='Resize', scale=(4, 4))],
        ),
    ),
    train_cfg=dict(type='IterBasedTrainLoop', max_iters=4),
    default_hooks=dict(logger=dict(type='LoggerHook')),
)


@pytest.mark.parametrize(
    'path',
    [
        'model.backbone.depth',  # there
        'model.backbone.frozen_stages',  # an argument of the class
        'model.backbone.init_cfg.checkpoint',  # below None
        'model.test_cfg.stride',  # the model checks these
        'optim_wrapper.accumulative_counts',  # of the default OptimWrapper
        'optim_wrapper.optimizer.nesterov',
        'train_dataloader.pin_memory',
        'train_cfg.val_begin',
        'default_hooks.early.type',
        'model.neck.type',  # the model refuses what it does not take
        'train_cfg.max_iter',  # the loop's class does, or torch's loader
        'train_dataloader.batchsize',
        'train_dataloader.dataset.pipeline.0.keep_ratio',
        'load_from',
        'model.backbone._delete_',
    ],
)
def test_welcome(path: str) -> None:
    check_option(CONFIG, path, {path: 1})


@pytest.mark.parametrize(
    ('path', 'hint'),
    [
        ('model.head.loss.wieght', "did you mean 'weight'?"),
        ('train_dataloader.dataset.metainfo.clases', "mean 'classes'?"),
        ('env_cfg.cudn_benchmark', "did you mean 'cudnn_benchmark'?"),
        ('env_cfg.mp_cfg.x', "no 'env_cfg.mp_cfg.x'"),
        ('optim_wrapper.paramwise_cfg.norm_decay', "no 'optim_wrapper.para"),
        ('auto_scale_lr.enabled', "no 'auto_scale_lr'"),
        ('load_form', "did you mean 'load_from'"),
    ],
)
def test_refused(path: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        check_option(CONFIG, path, {path: 1})
    assert f'--cfg-options {path}' in str(caught.value)
    assert hint in str(caught.value)


def test_variable_names_the_places_it_went_to() -> None:
    config = dict(
        data_root='data',
        train_dataloader=dict(dataset=dict(data_root='data')),
        val_dataloader=dict(dataset=dict(data_root='elsewhere')),
    )
    with pytest.raises(UserError) as caught:
        check_option(config, 'data_root', {'data_root': 'new'})
    assert 'change instead: train_dataloader.dataset.data_root' in str(
        caught.value
    )
    assert 'val_dataloader' not in str(caught.value)


def test_keys_of_a_type_that_the_options_bring() -> None:
    key = 'model.head.loss.beta'
    check_option(CONFIG, key, {'model.head.loss.type': 'X', key: 1})
    with pytest.raises(UserError, match='beta'):
        check_option(CONFIG, key, {key: 1})


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'param_scheduler.1.power': 2}, 'Index 1 exceeds the length'),
        ({'train_cfg.max_iters.x': 2}, 'max_iters is a dict in the child'),
    ],
)
def test_what_mmengine_cannot_merge_is_one_line(
    options: dict, words: str, repo_root: Path
) -> None:
    path = repo_root / 'configs/_base_/schedules/schedule_40k.py'
    with pytest.raises(UserError, match=f'--cfg-options .*{words}'):
        load_config(path, options)


@pytest.mark.parametrize('key', ['custom_hook', 'val_dataloadr', 'modl'])
def test_near_miss_at_the_top(key: str) -> None:
    with pytest.raises(UserError, match=key):
        check_top_level({key: 1})


def test_variables_at_the_top_are_free(repo_root: Path) -> None:
    check_top_level(
        dict.fromkeys(
            (
                'crop_size',
                'data_root',
                'dataset_type',
                'norm_cfg',
                'vis_backends',
                'train_pipeline',
                'val_pipeline',
                'test_pipeline',
            )
        )
    )
