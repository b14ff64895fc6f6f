"""One run on 1, 2 and 4 processes: the same losses, gradients and weights."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmmtl.engine.fully_sharded import FullyShardedModel, gathered
from mmmtl.engine.hooks import DivergenceHook
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import (
    METHODS,
    NYUD,
    SIZE,
    demt,
    head_tasks,
    mqtransformer,
    random_batch,
)

BATCH = 4
STEPS = 2
#: Sums of another order, in float64.
CLOSE = dict(rtol=1e-9, atol=1e-9)


def mult() -> dict[str, Any]:
    """MulT with learned weights of the losses, which are single numbers."""
    head = dict(
        type='SharedAttentionHead',
        tasks=head_tasks(NYUD),
        in_channels=[8, 16, 32, 64],
        num_heads=[1, 1, 2, 2],
        window_size=3,
    )
    return mqtransformer() | dict(
        decode_head=head, loss_weighting=dict(type='UncertaintyWeighting')
    )


def frozen() -> dict[str, Any]:
    """A backbone without gradient."""
    return demt() | dict(frozen_backbone=True)


ALL = METHODS | {'MulT': mult, 'frozen': frozen}


def train(
    method: str,
    wrap: Callable[[nn.Module], nn.Module],
    part: slice,
    accumulate: int = 1,
) -> dict[str, Any]:
    """Train for two steps.

    Every image has the same number of valid pixels, and statistics are
    frozen: a gradient is a mean over images.

    Args:
        method: A name in ``ALL``.
        wrap: Wraps the model.
        part: The images of this process.
        accumulate: Passes that a step is made of.

    Returns:
        Losses, weights before and after, the optimizer's state, and the
        norms of the last gradients.
    """
    torch.manual_seed(0)
    module: nn.Module = build_in_scope(MODELS, ALL[method]())
    module.init_weights()
    module = module.double().eval()
    first = {k: v.clone() for k, v in module.state_dict().items()}
    batches = [random_batch(batch=BATCH) for _ in range(STEPS)]
    model = wrap(module)
    sgd = torch.optim.SGD(
        [p for p in module.parameters() if p.requires_grad], 0.01, momentum=0.9
    )
    if isinstance(model, FullyShardedModel):
        model.adopt(sgd)
    wrapper = OptimWrapper(sgd, accumulative_counts=accumulate)
    divergence = DivergenceHook()
    sgd.register_step_pre_hook(divergence._before_step)
    losses = []
    for batch in batches:
        own = {key: value[part] for key, value in batch.items()}
        size = len(own['inputs']) // accumulate
        for start in range(0, len(own['inputs']), size):
            some = {k: v[start : start + size] for k, v in own.items()}
            losses.append(step(model, module, some, wrapper))
    with gathered(model):
        return dict(
            first=first,
            losses=losses,
            # What a step is judged by, in all processes alike.
            norms=divergence._norms,
            weights=module.state_dict(),
            momentum=sgd.state_dict()['state'],
        )


def step(
    model: nn.Module, module: nn.Module, batch: dict, wrapper: OptimWrapper
) -> float:
    with wrapper.optim_context(model):
        data = module.data_preprocessor(batch, True)
        data['inputs'] = data['inputs'].double()
        losses = model(**data, mode='loss')
    total, _ = module.parse_losses(losses)
    wrapper.update_params(total)
    return total.item()


def sharded(module: nn.Module) -> FullyShardedModel:
    model = FullyShardedModel(module)
    model.shard()
    return model


WRAPS = {'ddp': MMDistributedDataParallel, 'sharded': sharded}


def work(rank: int, folder: str, world: int, methods: list[str]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo',
        init_method=f'file://{folder}/start',
        rank=rank,
        world_size=world,
    )
    size = BATCH // world
    part = slice(rank * size, (rank + 1) * size)
    found = {
        f'{method} {name}': train(method, wrap, part)
        for method in methods
        for name, wrap in WRAPS.items()
    }
    torch.save(found, Path(folder, f'{rank}.pth'))
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize(
    ('world', 'methods'), [(2, list(ALL)), (4, ['DeMT', 'MulT'])]
)
def test_processes_take_the_steps_of_one(
    world: int, methods: list[str], tmp_path: Path
) -> None:
    """DDP and FSDP2; weights saved whole by process 0."""
    mp.spawn(work, (str(tmp_path), world, methods), nprocs=world)
    found = [torch.load(tmp_path / f'{rank}.pth') for rank in range(world)]
    for method in methods:
        one = train(method, lambda module: module, slice(None))
        assert not same(one['weights'], one['first'])
        for name in WRAPS:
            runs = [result[f'{method} {name}'] for result in found]
            curve = torch.tensor([run['losses'] for run in runs]).mean(0)
            torch.testing.assert_close(
                curve, torch.tensor(one['losses']), rtol=1e-6, atol=0
            )
            for key in ('weights', 'momentum'):
                torch.testing.assert_close(runs[0][key], one[key], **CLOSE)
            for run in runs:
                torch.testing.assert_close(run['norms'], one['norms'])


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


def test_accumulation_takes_the_steps_of_the_whole_batch() -> None:
    """Where every image has as many valid pixels."""
    whole, parts = (
        train('DeMT', lambda module: module, slice(None), accumulate)
        for accumulate in (1, 2)
    )
    for key in ('weights', 'momentum'):
        torch.testing.assert_close(parts[key], whole[key], **CLOSE)


@pytest.mark.parametrize(
    ('least', 'bounds'), [(1.0, (0.0, 1e-9)), (0.1, (0.01, 0.03))]
)
def test_passes_count_alike_however_many_pixels_they_have(
    least: float, bounds: tuple[float, float]
) -> None:
    """The gradient of 2 x 2 images is the mean of two means.

    Shares of valid pixels are drawn from ``least`` to 1 for each image. The
    bounds are of the median difference to the gradient of 4 images.
    """
    differences = []
    for seed in range(10):
        torch.manual_seed(seed)
        model: nn.Module = build_in_scope(MODELS, demt(('semseg', 'depth')))
        model = model.double().eval()
        batch = random_batch(('semseg', 'depth'), batch=4)
        for sample in batch['data_samples']:
            share = least + (1 - least) * torch.rand(()).item()
            dropped = torch.rand(SIZE) > share
            for task, no_label in (('semseg', 255), ('depth', 0)):
                sample.get_gt(task)[:, dropped] = no_label
        whole = gradient(model, [batch])
        halves = [{k: v[i : i + 2] for k, v in batch.items()} for i in (0, 2)]
        difference = gradient(model, halves) - whole
        differences.append((difference.norm() / whole.norm()).item())
    assert bounds[0] <= statistics.median(differences) <= bounds[1]


def gradient(model: nn.Module, batches: list[dict]) -> Tensor:
    """Return the mean of the gradients of batches, as one vector."""
    model.zero_grad()
    for batch in batches:
        data = model.data_preprocessor(batch, True)
        data['inputs'] = data['inputs'].double()
        total, _ = model.parse_losses(model(**data, mode='loss'))
        (total / len(batches)).backward()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    return torch.cat([part.flatten() for part in found])
