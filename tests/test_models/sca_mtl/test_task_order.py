"""Weights of concatenated tasks are loaded in their own order only."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.runner import load_state_dict, save_checkpoint
from mmengine.runner.checkpoint import get_state_dict

from mmmtl.engine.checkpoint import (
    ForeignCheckpointError,
    load_checkpoint_strict,
)
from mmmtl.engine.runner import MultiTaskRunner
from mmmtl.models.sca_mtl import SequentialCrossAttentionHead
from mmmtl.models.sca_mtl.task_order import (
    TaskOrder,
    decode_names,
    encode_names,
)
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import head_tasks, sca

TWO = ('semseg', 'depth')
BOTH = (
    r"of the tasks \['semseg', 'depth'\] in this order, the model has "
    r"\['depth', 'semseg'\]: name model.decode_head.tasks"
)


def head(*tasks: str, **arguments: Any) -> SequentialCrossAttentionHead:
    return SequentialCrossAttentionHead(
        tasks=head_tasks(tasks),
        in_channels=(12, 24),
        window_size=3,
        **arguments,
    )


def test_names_survive_as_whole_numbers() -> None:
    names = ('semseg', 'human_parts', 'keypoints2d')
    encoded = encode_names(names)
    assert encoded.dtype == torch.uint8
    assert decode_names(encoded) == names
    half = head('semseg', 'depth').half().state_dict()
    assert decode_names(half['task_order.names']) == ('semseg', 'depth')


def test_order_includes_auxiliary_tasks() -> None:
    found = head('depth', auxiliary_tasks=head_tasks(['normals', 'edge']))
    assert found.task_order.tasks == ('depth', 'normals', 'edge')


def test_mmengine_saves_the_order() -> None:
    """It writes parameters and buffers, no extra state."""
    state = get_state_dict(head('semseg', 'depth'))
    assert decode_names(state['task_order.names']) == ('semseg', 'depth')


@pytest.mark.parametrize('strict', [True, False])
@pytest.mark.parametrize('loader', ['torch', 'mmengine'])
def test_another_order_is_refused(strict: bool, loader: str) -> None:
    """Names and shapes are the same, and still the weights are not."""
    state, other = head('semseg', 'depth').state_dict(), head(*TWO[::-1])
    assert {k: v.shape for k, v in state.items()} == {
        k: v.shape for k, v in other.state_dict().items()
    }
    load = {
        'torch': other.load_state_dict,
        'mmengine': partial(load_state_dict, other),
    }[loader]
    with pytest.raises(ValueError, match=BOTH):
        load(state, strict=strict)


def test_the_same_order_is_loaded() -> None:
    source, target = head(*TWO), head(*TWO)
    target.load_state_dict(source.state_dict(), strict=True)
    for key, tensor in target.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[key]), key


def test_weights_of_other_tasks_never_change_the_names() -> None:
    """A part of them may be wanted where loading is not strict."""
    order = TaskOrder(('semseg', 'depth'))
    other = TaskOrder(('semseg', 'normals')).state_dict()
    with pytest.raises(RuntimeError, match=r"names the tasks \['semseg', 'n"):
        order.load_state_dict(other)
    load_state_dict(order, other, strict=False)
    assert decode_names(order.names) == ('semseg', 'depth')
    with pytest.raises(RuntimeError, match=r'Missing key.*names'):
        order.load_state_dict({})


def model(*tasks: str) -> torch.nn.Module:
    return build_in_scope(MODELS, sca(tasks))


@pytest.fixture(scope='module')
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('order') / 'semseg_depth.pth'
    state = get_state_dict(model(*TWO))
    save_checkpoint(dict(state_dict=state, meta={}), str(path))
    return path


def test_files_of_another_order_are_refused(file: Path) -> None:
    load_checkpoint_strict(model(*TWO), file)
    other = model(*TWO[::-1])
    before = {k: v.clone() for k, v in other.state_dict().items()}
    with pytest.raises(ForeignCheckpointError, match=f'depth.pth: .*{BOTH}'):
        load_checkpoint_strict(other, file)
    for key, tensor in other.state_dict().items():
        assert torch.equal(tensor, before[key]), key


@pytest.mark.parametrize('strict', [True, False])
def test_training_does_not_start_from_another_order(
    file: Path, strict: bool, tmp_path: Path
) -> None:
    for tasks in (TWO, TWO[::-1]):
        runner = MultiTaskRunner(
            model(*tasks),
            str(tmp_path),
            default_scope='mmmtl',
            experiment_name=tasks[0],
        )
        if tasks == TWO:
            runner.load_checkpoint(str(file), strict=strict)
            continue
        with pytest.raises(ForeignCheckpointError, match=BOTH):
            runner.load_checkpoint(str(file), strict=strict)
