"""Where --cfg-options may add a key and where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmmtl.engine.config_checks import check_top_level
from mmmtl.engine.option_checks import check_options
from mmmtl.engine.user_errors import UserError

CONFIG = dict(
    model=dict(
        backbone=dict(type='ResNet', depth=50, init_cfg=None),
        test_cfg=dict(mode='whole'),
    ),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    train_dataloader=dict(
        batch_size=1,
        dataset=dict(pipeline=[dict(type='Resize', scale=(4, 4))]),
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
        'train_dataloader.dataset.pipeline.0.keep_ratio',
        'load_from',
        'model.backbone._delete_',
    ],
)
def test_welcome(path: str) -> None:
    check_options(CONFIG, {path: 1})


@pytest.mark.parametrize(
    ('path', 'hint'),
    [
        ('model.backbone.frozen_stage', "'frozen_stages'"),
        ('model.neck.type', "no 'model.neck'"),
        ('optim_wrapper.optimizer.nestrov', "'nesterov'"),
        ('optim_wrapper.acumulative_counts', "'accumulative_counts'"),
        ('train_dataloader.dataset.pipeline.0.keep_rati', "'keep_ratio'"),
        ('train_dataloader.dataset.pipeline.x.scale', 'a list of 1'),
        ('train_cfg.max_iters.x', 'train_cfg.max_iters is 4'),
        ('load_form', "'load_from'"),
    ],
)
def test_refused(path: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        check_options(CONFIG, {path: 1})
    assert f'--cfg-options {path}' in str(caught.value)
    assert hint in str(caught.value)


def test_variable_names_the_places_it_went_to() -> None:
    config = dict(
        data_root='data',
        train_dataloader=dict(dataset=dict(data_root='data')),
        val_dataloader=dict(dataset=dict(data_root='elsewhere')),
    )
    with pytest.raises(UserError) as caught:
        check_options(config, {'data_root': 'new'})
    assert 'change instead: train_dataloader.dataset.data_root' in str(
        caught.value
    )
    assert 'val_dataloader' not in str(caught.value)


def test_keys_of_a_type_that_the_options_bring() -> None:
    place = 'optim_wrapper.optimizer'
    check_options(CONFIG, {f'{place}.type': 'AdamW', f'{place}.betas': (0, 0)})
    with pytest.raises(UserError, match='betas'):
        check_options(CONFIG, {f'{place}.betas': (0, 0)})


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
