from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mmengine.registry
import mmpretrain.registry
import mmseg.registry
import pytest
from mmengine.registry import DefaultScope, Registry
from torch import nn

import mmmtl.registry
from tests.tiny import head_tasks

NAMES = [
    name
    for name, value in vars(mmmtl.registry).items()
    if isinstance(value, Registry) and value.scope == 'mmmtl'
]
OURS = [
    ('MODELS', 'MultiTaskSegmentor'),
    ('MODELS', 'MultiTaskTTAModel'),
    ('MODELS', 'MultiTaskDataPreprocessor'),
    ('MODELS', 'DeformableMixer'),
    ('MODELS', 'TaskQueryHead'),
    ('MODELS', 'FixedWeighting'),
    ('METRICS', 'DepthErrorMetric'),
    ('EVALUATOR', 'MultiTaskEvaluator'),
]
THEIRS = [
    ('MODELS', 'FCNHead', 'mmseg'),
    ('MODELS', 'SwinTransformer', 'mmseg'),
    ('MODELS', 'HRNet', 'mmseg'),
    ('MODELS', 'CrossEntropyLoss', 'mmseg'),
    ('METRICS', 'IoUMetric', 'mmseg'),
    ('TRANSFORMS', 'PackSegInputs', 'mmseg'),
    ('DATASETS', 'ADE20KDataset', 'mmseg'),
    ('TRANSFORMS', 'LoadImageFromFile', 'mmcv'),
    ('OPTIMIZERS', 'SGD', 'torch'),
    ('HOOKS', 'CheckpointHook', 'mmengine'),
    ('RUNNERS', 'IterBasedTrainLoop', None),
]


@pytest.fixture
def other_project() -> Iterator[Registry]:
    """The models of another mm project: a child of mmengine's root."""
    root = mmengine.registry.MODELS
    registry = Registry('model', parent=root, scope='mmother')
    yield registry
    del root.children['mmother']


def ours(name: str) -> Registry:
    return getattr(mmmtl.registry, name)


@pytest.mark.parametrize('name', NAMES)
def test_each_registry_is_a_child_of_its_namesake(name: str) -> None:
    assert ours(name).parent is getattr(mmseg.registry, name)
    root = getattr(mmengine.registry, name)
    assert ours(name).root is root
    assert root.children['mmmtl'] is ours(name)


def test_every_registry_of_mmseg_has_a_child() -> None:
    theirs = {
        name
        for name, value in vars(mmseg.registry).items()
        if isinstance(value, Registry)
    }
    assert theirs == set(NAMES)


@pytest.mark.parametrize(('registry', 'name'), OURS)
def test_ours_need_no_prefix_in_our_scope(registry: str, name: str) -> None:
    found = ours(registry).get(name)
    assert found.__name__ == name
    assert found.__module__.startswith('mmmtl.')
    with DefaultScope.overwrite_default_scope('mmmtl'):
        root = getattr(mmengine.registry, registry)
        with root.switch_scope_and_registry(None) as current:
            assert current.get(name) is found


@pytest.mark.parametrize(('registry', 'name', 'package'), THEIRS)
def test_theirs_need_no_prefix_in_our_scope(
    registry: str, name: str, package: str | None
) -> None:
    registry = 'LOOPS' if name.endswith('Loop') else registry
    found = ours(registry).get(name)
    assert found.__name__ == name
    assert found.__module__.split('.')[0] == (package or 'mmengine')


@pytest.mark.parametrize(('registry', 'name'), OURS)
@pytest.mark.parametrize('scope', ['mmpretrain', 'mmseg', 'mmengine'])
def test_ours_have_a_prefix_from_other_scopes(
    registry: str, name: str, scope: str
) -> None:
    from_scope = {
        'mmpretrain': mmpretrain.registry,
        'mmseg': mmseg.registry,
        'mmengine': mmengine.registry,
    }[scope]
    asked = getattr(from_scope, registry, getattr(mmengine.registry, registry))
    assert asked.get(f'mmmtl.{name}') is ours(registry).get(name)


def test_ours_have_a_prefix_from_an_unknown_project(
    other_project: Registry,
) -> None:
    found = other_project.get('mmmtl.TaskQueryHead')
    assert found is ours('MODELS').get('TaskQueryHead')
    assert other_project.get('TaskQueryHead') is None


HEAD: dict[str, Any] = dict(
    type='mmmtl.TaskQueryHead',
    tasks=head_tasks(['depth', 'edge']),
    channels=4,
    bottleneck_channels=3,
    num_heads=2,
    norm_cfg=dict(type='BN', eps=0.5),
)


@pytest.mark.parametrize('scope', ['mmother', 'mmpretrain', 'mmseg', None])
def test_nested_types_need_no_prefix_from_any_scope(
    other_project: Registry, scope: str | None
) -> None:
    """The outer type is found by prefix, its losses and norms without."""
    del other_project  # registered for the parameter 'mmother'
    with DefaultScope.overwrite_default_scope(scope):
        head = mmengine.registry.MODELS.build(dict(HEAD))
    assert type(head.losses['depth'][0]).__name__ == 'DepthL1Loss'
    norm = head.bottlenecks['edge'][1]
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.eps == 0.5


@pytest.fixture
def own_norm() -> Iterator[type[nn.Module]]:
    """A norm that only mmmtl's registry knows."""

    class OwnNorm(nn.GroupNorm):
        def __init__(self, channels: int, *, eps: float) -> None:
            super().__init__(1, channels, eps=eps)

    ours('MODELS').register_module(module=OwnNorm)
    yield OwnNorm
    del ours('MODELS').module_dict['OwnNorm']


@pytest.mark.parametrize('scope', ['mmother', 'mmpretrain', 'mmseg', None])
def test_a_norm_of_ours_is_found_from_any_scope(
    other_project: Registry, own_norm: type[nn.Module], scope: str | None
) -> None:
    """The builder of mmcv asks the current scope alone."""
    del other_project
    with DefaultScope.overwrite_default_scope(scope):
        head = mmengine.registry.MODELS.build(
            HEAD | dict(norm_cfg=dict(type='OwnNorm'))
        )
        neck = mmengine.registry.MODELS.build(
            dict(
                type='mmmtl.DeformableMixer',
                in_channels=[3],
                channels=4,
                norm_cfg=dict(type='OwnNorm'),
            )
        )
    assert isinstance(head.bottlenecks['edge'][1], own_norm)
    assert isinstance(neck.mixers['all'][0][1].norm, own_norm)


def test_build_in_scope_leaves_the_scope_as_it_was() -> None:
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        mmmtl.registry.build_in_scope(
            ours('MODELS'), dict(type='DepthL1Loss', loss_name='loss_x')
        )
        scope = DefaultScope.get_current_instance()
        assert scope is not None
        assert scope.scope_name == 'mmpretrain'


@pytest.mark.parametrize('name', NAMES)
def test_no_name_of_ours_hides_one_of_theirs(name: str) -> None:
    """A child silently wins over its parents, so names must differ."""
    registry = ours(name)
    registry.import_from_location()
    names = set(registry.module_dict)
    for parent in (registry.parent, registry.root):
        parent.import_from_location()
        assert not names & set(parent.module_dict), parent.scope


@pytest.mark.parametrize('name', NAMES)
def test_every_registered_name_is_that_of_our_class(name: str) -> None:
    registry = ours(name)
    registry.import_from_location()
    for key, value in registry.module_dict.items():
        if value.__module__.startswith('mmmtl.'):
            assert key == value.__name__
