"""Gradient aggregation against its definition, and mixed precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.logging import MessageHub
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmmtl.engine.optim import AggregationOptimWrapper, AutocastOptimWrapper
from mmmtl.errors import UserError
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import METHODS, NYUD, random_batch

AGGREGATORS: dict[str, dict[str, Any]] = {
    'AlignedMTL': {},
    'CAGrad': dict(c=0.5),
    'ConFIG': {},
    'DualProj': {},
    'GradDrop': {},
    'GradVac': {},
    'IMTLG': {},
    'MGDA': {},
    'NashMTL': {},
    'PCGrad': {},
    'Random': {},
    'UPGrad': {},
}


class Rows(BaseModel):
    """Losses whose gradients are given rows: ``L_t = row_t . w``."""

    def __init__(self, rows: Tensor) -> None:
        """``rows`` is (T, N)."""
        super().__init__()
        self.rows = rows
        self.weight = nn.Parameter(torch.zeros(rows.shape[1]).to(rows))

    def forward(self) -> dict[str, Tensor]:
        """Return one loss per row."""
        return dict(zip('abcdef', self.rows @ self.weight, strict=False))

    def total(self) -> Tensor:
        """Return the sum, as a MultiTaskSegmentor hands it over."""
        losses = self()
        total = sum(losses.values())
        total.by_task = losses
        return total


def wrap(
    model: nn.Module,
    aggregator: str,
    arguments: dict[str, Any] | None = None,
    **more: Any,
) -> Any:
    config = dict(type=aggregator, **AGGREGATORS.get(aggregator, {}))
    config |= arguments or {}
    return AggregationOptimWrapper(
        torch.optim.SGD(model.parameters(), lr=1.0),
        aggregator=config,
        **more,
    )


def step_of(rows: Tensor, aggregator: str, **more: Any) -> Tensor:
    """The gradient that one step descends along."""
    model = Rows(rows)
    wrap(model, aggregator, **more).update_params(model.total())
    return -model.weight.detach()


CONFLICT = torch.tensor(
    [[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0], [0.0, 2.0, -1.0]],
    dtype=torch.float64,
)


def test_upgrad_of_its_paper() -> None:
    """The documentation of torchjd derives this example from the paper."""
    found = step_of(CONFLICT[:2], 'Mean')
    torch.testing.assert_close(found, CONFLICT[:2].mean(0))
    found = step_of(CONFLICT[:2], 'UPGrad')
    want = torch.tensor([0.2929, 1.9004, 1.9004], dtype=torch.float64)
    torch.testing.assert_close(found, want, atol=1e-3, rtol=0)


def test_lists_become_tensors() -> None:
    model = Rows(CONFLICT)
    weights = dict(type='Constant', weights=[1, 0, 2])
    AggregationOptimWrapper(
        torch.optim.SGD(model.parameters(), lr=1.0), aggregator=weights
    ).update_params(model.total())
    torch.testing.assert_close(-model.weight, CONFLICT[0] + 2 * CONFLICT[2])


@pytest.mark.parametrize('aggregator', ['UPGrad', 'MGDA'])
def test_no_task_gets_worse(aggregator: str) -> None:
    assert (CONFLICT @ CONFLICT.mean(0) < 0).any()
    assert (CONFLICT @ step_of(CONFLICT, aggregator) > -1e-4).all()


@pytest.mark.parametrize('aggregator', AGGREGATORS)
def test_every_aggregator_steps(aggregator: str) -> None:
    """The step is a mix of the rows: orthogonal to what no row points to."""
    step = step_of(CONFLICT[:, :2].repeat(1, 2), aggregator)
    assert step.isfinite().all()
    assert step.abs().sum() > 0
    torch.testing.assert_close(step[:2], step[2:], atol=1e-6, rtol=0)


@pytest.mark.parametrize('method', METHODS)
def test_sum_is_ordinary_training(method: str) -> None:
    torch.manual_seed(0)
    model = build_in_scope(MODELS, METHODS[method]()).double().train()
    start = {k: v.clone() for k, v in model.state_dict().items()}
    batch = random_batch()
    after = []
    for kind in ('plain', 'Sum'):
        model.load_state_dict(start)
        sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        wrapper = OptimWrapper(sgd) if kind == 'plain' else wrap(model, 'Sum')
        for group in wrapper.optimizer.param_groups:
            group['lr'] = 0.1
        torch.manual_seed(1)
        _double_step(model, batch, wrapper)
        after.append({k: v.clone() for k, v in model.state_dict().items()})
    plain, summed = after
    moved = [k for k in plain if not torch.equal(plain[k], start[k])]
    assert len(moved) > 20
    torch.testing.assert_close(summed, plain, rtol=1e-9, atol=1e-12)


def _double_step(model: Any, batch: dict, wrapper: OptimWrapper) -> None:
    """``train_step`` in float64: the preprocessor gives float32."""
    bare = getattr(model, 'module', model)
    with wrapper.optim_context(model):
        data = bare.data_preprocessor(batch, True)
        losses = model(
            data['inputs'].double(), data['data_samples'], mode='loss'
        )
    total, _ = bare.parse_losses(losses)
    wrapper.update_params(total)


@pytest.mark.parametrize('aggregator', ['Sum', 'UPGrad'])
def test_accumulated_passes_are_averaged(aggregator: str) -> None:
    model = Rows(CONFLICT)
    wrapper = wrap(model, aggregator, accumulative_counts=2)
    for factor in (0.5, 1.5):
        model.rows = factor * CONFLICT
        wrapper.update_params(model.total())
        moved = bool(model.weight.any())
        assert moved == (factor == 1.5)
    torch.testing.assert_close(-model.weight, step_of(CONFLICT, aggregator))


def test_the_aggregate_is_clipped() -> None:
    step = step_of(CONFLICT, 'Sum', clip_grad=dict(max_norm=0.5))
    want = CONFLICT.sum(0) / CONFLICT.sum(0).norm() * 0.5
    torch.testing.assert_close(step, want, rtol=1e-5, atol=0)


def test_conflicts_are_logged() -> None:
    step_of(CONFLICT, 'UPGrad')
    logs = MessageHub.get_current_instance().log_scalars
    a, b = CONFLICT[0], CONFLICT[1]
    assert logs['train/norm.a'].current() == pytest.approx(a.norm().item())
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=0).item()
    assert cosine < -0.8
    assert logs['train/cosine.a.b'].current() == pytest.approx(cosine)


def test_conflicts_are_logged_at_intervals() -> None:
    model = Rows(CONFLICT)
    wrapper = wrap(model, 'Sum', conflicts_interval=2)
    for _ in range(3):
        wrapper.update_params(model.total())
    logs = MessageHub.get_current_instance().log_scalars
    assert len(logs['train/norm.a']._log_history) == 2


@pytest.mark.parametrize(
    ('aggregator', 'arguments'),
    [('GradVac', {}), ('NashMTL', dict(update_weights_every=3))],
)
def test_state_of_the_aggregator_is_kept(
    aggregator: str, arguments: dict[str, int]
) -> None:
    """GradVac remembers cosines, NashMTL the weights of a step before."""

    def last_steps(start: str) -> torch.Tensor:
        torch.manual_seed(0)
        model = Rows(CONFLICT)
        wrapper = wrap(model, aggregator, arguments)
        for row in range(4):
            model.rows = CONFLICT.roll(row, 0) * (1 + row)
            if row == 2:
                before = model.weight.detach().clone()
            if row == 2 and start != 'go on':
                state = wrapper.state_dict()
                wrapper = wrap(model, aggregator, arguments)
                if start == 'resume':
                    wrapper.load_state_dict(state)
                    assert wrapper._steps == 2
            wrapper.update_params(model.total())
        return model.weight.detach() - before

    whole = last_steps('go on')
    assert torch.equal(last_steps('resume'), whole)
    assert not torch.allclose(last_steps('forget'), whole)


@pytest.mark.parametrize('aggregator', ['UPGrad', 'NashMTL', 'IMTLG'])
def test_what_is_no_number_reaches_no_solver(aggregator: str) -> None:
    """The gradient is left infinite, for the divergence hook to name."""
    rows = CONFLICT.clone()
    rows[1, 0] = torch.nan
    assert not step_of(rows, aggregator).isfinite().any()


def test_float16_skips_a_step_that_overflows() -> None:
    model = Rows(torch.full((2, 3), 3e38))
    wrapper = wrap(model, 'Sum', precision='float16')
    scale = wrapper._scaler.get_scale()
    wrapper.update_params(model.total())
    assert not model.weight.any()
    assert wrapper._scaler.get_scale() == scale / 2
    model.rows = CONFLICT.float()
    wrapper.update_params(model.total())
    torch.testing.assert_close(-model.weight, CONFLICT.sum(0).float())


@pytest.mark.parametrize('wrapper', ['aggregation', 'plain'])
def test_bfloat16_trains_on_a_cpu(wrapper: str) -> None:
    model = build_in_scope(MODELS, METHODS['DeMT']()).train()
    seen = []
    model.neck.register_forward_hook(
        lambda _m, _i, maps: seen.append(maps['semseg'].dtype)
    )
    sgd = torch.optim.SGD(model.parameters(), lr=0.01)
    before = model.backbone.stages[0].blocks[0].ffn.layers[1].weight.clone()
    wrapped = (
        AggregationOptimWrapper(
            sgd, aggregator=dict(type='UPGrad'), precision='bfloat16'
        )
        if wrapper == 'aggregation'
        else AutocastOptimWrapper(sgd)
    )
    log = model.train_step(random_batch(), wrapped)
    assert log['loss'].isfinite()
    assert seen == [torch.bfloat16]
    after = model.backbone.stages[0].blocks[0].ffn.layers[1].weight
    assert after.dtype == torch.float32
    assert not torch.equal(before, after)


def test_what_cannot_be_is_refused() -> None:
    model = Rows(CONFLICT)
    with pytest.raises(UserError, match="did you mean 'UPGrad'"):
        wrap(model, 'UpGrad')
    with pytest.raises(UserError, match='losses of each task'):
        wrap(model, 'UPGrad').update_params(model().pop('a'))


def _two_ranks(rank: int, folder: str) -> None:
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/start', rank=rank, world_size=2
    )
    torch.set_num_threads(1)
    torch.save(
        {
            name: _trained(name, slice(rank, rank + 1))
            for name in ('Sum', 'UPGrad', 'PCGrad', 'MGDA')
        },
        Path(folder, f'{rank}.pth'),
    )
    dist.destroy_process_group()


def _trained(aggregator: str, part: slice) -> dict[str, Tensor]:
    """Weights after two steps; the whole batch has two images."""
    torch.manual_seed(0)
    model: nn.Module = build_in_scope(MODELS, METHODS['DeMT'](NYUD[1:3]))
    # Statistics of a batch would be those of its part. Normals and depth
    # have the same number of valid pixels in each image.
    model = model.double().eval()
    batches = [random_batch(NYUD[1:3]) for _ in range(2)]
    if dist.is_initialized():
        model = MMDistributedDataParallel(model)
    wrapper = wrap(model, aggregator)
    for group in wrapper.optimizer.param_groups:
        group['lr'] = 0.01
    torch.manual_seed(1)
    for batch in batches:
        own = {key: value[part] for key, value in batch.items()}
        _double_step(model, own, wrapper)
    return getattr(model, 'module', model).state_dict()


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    mp.spawn(_two_ranks, args=(str(tmp_path),), nprocs=2)
    found = [torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1)]
    for name in found[0]:
        want = _trained(name, slice(0, 2))
        for rank in (0, 1):
            torch.testing.assert_close(
                found[rank][name], want, rtol=1e-9, atol=1e-9
            )
