"""What FSDP2 is told, and what is refused; test_ranks.py trains with it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.hooks import EMAHook
from torch import distributed as dist
from torch import nn

from mmmtl.engine.distributed import fit_to_cpu
from mmmtl.engine.fully_sharded import (
    FullyShardedModel,
    _make_shardable,
    _units_of,
)
from mmmtl.engine.preflight import check_shareable
from mmmtl.errors import UserError
from mmmtl.registry import MODELS, build_in_scope
from tests.test_engine.test_ranks import mult, sharded
from tests.tiny import demt


def names_of(module: nn.Module, units: list[nn.Module]) -> list[str]:
    names = {part: name for name, part in module.named_modules()}
    return [names[unit] for unit in units]


def test_units_are_what_learns_in_the_backbone_and_the_neck() -> None:
    model = build_in_scope(MODELS, demt())
    stages = [f'backbone.stages.{n}' for n in range(4)]
    assert names_of(model, _units_of(model, None)) == [*stages, 'neck']
    frozen = build_in_scope(MODELS, demt() | dict(frozen_backbone=True))
    assert names_of(frozen, _units_of(frozen, None)) == ['neck']


def test_units_may_be_named_and_the_inner_come_first() -> None:
    model = build_in_scope(MODELS, demt())
    units = _units_of(model, ['backbone', 'backbone.stages.[01]'])
    assert names_of(model, units) == [
        *('backbone.stages.1', 'backbone.stages.0', 'backbone')
    ]
    with pytest.raises(UserError, match=r"no module matches 'bakbone'.*did"):
        _units_of(model, ['bakbone'])


@pytest.mark.parametrize(('config', 'count'), [(demt(), 0), (mult(), 4)])
def test_weights_are_made_contiguous_and_numbers_rows(
    config: dict, count: int
) -> None:
    """DeMT's head stores weights channels last, MulT learns numbers."""
    model = build_in_scope(MODELS, config)
    numbers = _make_shardable(model)
    assert len(numbers) == count
    for name, parameter in model.named_parameters():
        assert parameter.is_contiguous(), name
        assert parameter.dim() > 0
        assert (name in numbers) == ('log_variances' in name)


def test_a_weight_of_another_shape_and_the_same_size_is_refused(
    tmp_path: Path,
) -> None:
    dist.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    try:
        model = sharded(nn.Sequential(nn.Linear(4, 6)))
        state = model.state_dict()
        for name in state:
            state[name] = state[name].reshape(state[name].shape[::-1])
        with pytest.raises(RuntimeError, match='size mismatch'):
            model.load_state_dict(state)
    finally:
        dist.destroy_process_group()


def test_what_needs_whole_weights_is_refused() -> None:
    model = FullyShardedModel(nn.Linear(2, 2))
    wrapper = dict(type='mmmtl.AggregationOptimWrapper')
    runner = SimpleNamespace(
        model=model, hooks=[EMAHook()], optim_wrapper=wrapper
    )
    with pytest.raises(UserError, match=r'EMAHook and Aggregation.*whole'):
        check_shareable(runner)
    runner.model = model.module
    check_shareable(runner)


def test_runners_that_do_not_share_out_are_refused() -> None:
    """Mmengine's own would save the part of process 0."""
    with pytest.raises(UserError, match='set runner_type='):
        FullyShardedModel(nn.Linear(2, 2)).train_step({}, None)


def test_a_cpu_changes_nothing_but_ddp() -> None:
    own = dict(type='FullyShardedModel')
    config = Config(dict(model={}, model_wrapper_cfg=own))
    fit_to_cpu(config)
    assert config.model_wrapper_cfg == own
    ours = Config(dict(model={}))
    fit_to_cpu(ours)
    assert ours.model_wrapper_cfg.device_ids is None
