"""Runs whose numbers stop being numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmmtl.engine.hooks import DivergenceHook
from mmmtl.engine.runner import MultiTaskRunner
from mmmtl.errors import NonFiniteError
from mmmtl.registry import MODELS, OPTIM_WRAPPERS
from tests.spoiled_samples import TASKS, SpoiledSamples
from tests.tiny import demt

# Sample 4 is read in iteration 3: two samples each, in order.
SPOILED = {4: math.inf}


class Spoil(Hook):
    """Make the gradients of one parameter NaN in some iterations."""

    priority = 'HIGHEST'

    def __init__(self, *iterations: int, value: float = math.nan) -> None:
        self.iterations = iterations
        self.value = value

    def before_train(self, runner: Runner) -> None:
        def spoil(gradient: torch.Tensor) -> torch.Tensor:
            is_bad = runner.iter + 1 in self.iterations
            return gradient * self.value if is_bad else gradient

        runner.model.backbone.patch_embed.projection.bias.register_hook(spoil)


class Watch(Hook):
    """Keep what a step may change, as it is after each iteration."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.states: list[dict[str, torch.Tensor]] = []

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        state = dict(runner.model.state_dict())
        optimizer = runner.optim_wrapper.optimizer.state_dict()['state']
        for number, values in optimizer.items():
            for key, value in values.items():
                state[f'optimizer.{number}.{key}'] = value
        self.states.append(copy.deepcopy(state))


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., MultiTaskRunner]:
    """Return ``build(hooks, ...)``, which gives the runner of six steps."""

    def runner_of(
        *hooks: Hook,
        dataset: Dataset | None = None,
        wrapper: dict | None = None,
        weighting: dict | None = None,
        start: Path | None = None,
        **default_hooks: Any,
    ) -> MultiTaskRunner:
        torch.manual_seed(0)
        return MultiTaskRunner(
            model=demt(TASKS) | dict(loss_weighting=weighting),
            load_from=start and str(start),
            resume=start is not None,
            randomness=dict(seed=0),
            work_dir=str(tmp_path),
            train_dataloader=dict(
                dataset=SpoiledSamples() if dataset is None else dataset,
                batch_size=2,
                num_workers=0,
                sampler=dict(type='InfiniteSampler', shuffle=False),
                collate_fn=pseudo_collate,
            ),
            optim_wrapper=dict(
                optimizer=dict(type='SGD', lr=1e-3, momentum=0.9)
            )
            | (wrapper or {}),
            train_cfg=dict(by_epoch=False, max_iters=6),
            default_hooks=dict(
                checkpoint=dict(
                    type='CheckpointHook',
                    by_epoch=False,
                    interval=1,
                    max_keep_ckpts=1,
                )
            )
            | default_hooks,
            custom_hooks=list(hooks),
            default_scope='mmmtl',
            experiment_name=f'test_{tmp_path.name}',
            log_level='WARNING',
        )

    return runner_of


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob('*.pth'))


@pytest.mark.parametrize('value', [math.inf, -math.inf])
def test_infinite_label_stops_the_run(
    value: float, build: Callable, tmp_path: Path
) -> None:
    """|x - inf| has a finite gradient: the loss alone tells."""
    runner = build(dataset=SpoiledSamples(spoiled={4: value}))
    with pytest.raises(
        NonFiniteError,
        match=r'^iteration 3: reshading\.loss_l1 = inf '
        r'\(samples room4, room5\); .*\(0\.001 now\)',
    ):
        runner.train()
    # The last good one; the bad step is not written, and rotates nothing.
    assert checkpoints(tmp_path) == ['iter_2.pth']


def test_bad_gradient_names_its_parameter(
    build: Callable, tmp_path: Path
) -> None:
    with pytest.raises(
        NonFiniteError,
        match=r'^iteration 2: 1 of \d+ gradients are NaN or infinite, first '
        r'of backbone\.patch_embed\.projection\.bias \(samples room2, room3\)',
    ):
        build(Spoil(2)).train()
    assert checkpoints(tmp_path) == ['iter_1.pth']


def test_clipping_hides_nothing(build: Callable) -> None:
    """One NaN makes the norm, and so all clipped gradients, NaN."""
    runner = build(Spoil(2), wrapper=dict(clip_grad=dict(max_norm=1.0)))
    with pytest.raises(
        NonFiniteError, match=r'(\d+) of \1 gradients .* as clipping leaves'
    ):
        runner.train()


def test_skipped_step_changes_nothing(build: Callable) -> None:
    """Weights, momentum and running statistics stay, then training goes on."""
    watch = Watch()
    runner = build(
        watch,
        dataset=SpoiledSamples(spoiled=SPOILED),
        divergence=dict(max_skipped=1),
    )
    runner.train()
    second, third, fourth = watch.states[1:4]
    assert any('running_mean' in key for key in second)
    assert any('momentum_buffer' in key for key in second)
    assert second.keys() == third.keys()
    for key, value in second.items():
        torch.testing.assert_close(
            third[key], value, rtol=0, atol=0, msg=f'{key} changed'
        )
    assert any(not fourth[key].equal(value) for key, value in third.items())
    assert all(value.isfinite().all() for value in watch.states[-1].values())


WEIGHTINGS = {
    'DWA': dict(
        type='ScalarizerWeighting', scalarizer=dict(type='DWA'), interval=1
    ),
    'FAMO': dict(type='ScalarizerWeighting', scalarizer=dict(type='FAMO')),
    'GradNorm': dict(type='GradNormWeighting'),
}


class WatchWeighting(Hook):
    """Copies what a loss weighting remembers after every iteration."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        state = runner.model.loss_weighting.run_state()
        self.states.append(copy.deepcopy(state))


@pytest.mark.parametrize('name', WEIGHTINGS)
def test_skipped_step_teaches_no_weighting(build: Callable, name: str) -> None:
    watch = WatchWeighting()
    build(
        watch,
        dataset=SpoiledSamples(spoiled=SPOILED),
        weighting=WEIGHTINGS[name],
        divergence=dict(max_skipped=1),
    ).train()
    second, third, fourth = map(str, watch.states[1:4])
    assert second == third != fourth
    assert 'nan' not in str(watch.states[-1])
    assert 'inf' not in str(watch.states[-1])


def test_skip_after_a_resume_within_a_step(
    build: Callable, tmp_path: Path
) -> None:
    """The first pass of a step is bad; it ends in another process."""
    ends = []
    for start in (None, tmp_path / 'iter_3.pth'):
        runner = build(
            dataset=SpoiledSamples(spoiled=SPOILED),
            wrapper=dict(accumulative_counts=2),
            start=start,
            divergence=dict(max_skipped=1),
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1),
        )
        runner.train()
        ends.append(runner.model.state_dict())
        hook = next(h for h in runner.hooks if isinstance(h, DivergenceHook))
        assert hook.skipped == 1
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=0)


def test_skips_are_counted(build: Callable, tmp_path: Path) -> None:
    runner = build(Spoil(1, 3, 5), divergence=dict(max_skipped=2))
    with pytest.raises(
        NonFiniteError, match=r'^iteration 5: .* stopped after 2 skipped'
    ):
        runner.train()
    assert checkpoints(tmp_path) == ['iter_4.pth']


def test_accumulated_passes_are_judged_together(
    build: Callable, tmp_path: Path
) -> None:
    """Iterations 3 and 4 make a step; the third is to blame."""
    watch = Watch()
    runner = build(
        watch,
        dataset=SpoiledSamples(spoiled=SPOILED),
        wrapper=dict(accumulative_counts=2),
        divergence=dict(max_skipped=1),
    )
    runner.train()
    for key, value in watch.states[1].items():
        torch.testing.assert_close(
            watch.states[3][key], value, rtol=0, atol=0, msg=key
        )
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert (
        'iteration 4: reshading.loss_l1 = inf (samples room4, room5); step '
        'skipped (1 of 1)'
    ) in log


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """What mmengine's AmpOptimWrapper does, which needs a GPU."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(optimizer)
        self.loss_scaler = torch.amp.GradScaler('cpu', init_scale=2.0**16)

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> None:
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()


@pytest.mark.parametrize('fused', [False, True])
def test_amp_may_skip_steps(
    fused: bool, build: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    amp = dict(
        type='CpuAmpOptimWrapper',
        # The momentum of PyTorch's fused SGD is not initialised if the very
        # first step is skipped.
        optimizer=dict(type='SGD', lr=1e-3, momentum=0, fused=fused),
    )
    runner = build(Spoil(1, 2, value=math.inf), wrapper=amp)
    runner.train()
    hook = next(h for h in runner.hooks if hasattr(h, 'skipped_by_amp'))
    assert (hook.skipped_by_amp, hook.skipped) == (2, 0)
    # Twice halved.
    assert runner.optim_wrapper.loss_scaler.get_scale() == 2.0**14

    monkeypatch.setattr('mmmtl.engine.hooks.divergence_hook.AMP_PATIENCE', 3)
    runner = build(Spoil(2, 3, 4, 5, 6), wrapper=amp)
    with pytest.raises(NonFiniteError, match=r'^iteration 5: .*\(4 in a row'):
        runner.train()


def test_bad_loss_stops_amp(build: Callable) -> None:
    """No scale mends a loss; the scaler would skip for ever."""
    runner = build(
        dataset=SpoiledSamples(spoiled=SPOILED),
        wrapper=dict(type='CpuAmpOptimWrapper'),
    )
    with pytest.raises(NonFiniteError, match='iteration 3: reshading'):
        runner.train()


class Overflow(Hook):
    """What a step of finite gradients may do at a huge learning rate."""

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        if runner.iter + 1 == 2:
            next(runner.model.neck.parameters()).data.fill_(math.inf)


def test_overflowed_weights_are_not_written(build: Callable) -> None:
    with pytest.raises(
        NonFiniteError,
        match=r'^1 weights are NaN or infinite, first neck\.',
    ):
        build(Overflow()).train()


def test_switched_off(build: Callable, tmp_path: Path) -> None:
    runner = build(Spoil(2), divergence=None)
    runner.train()
    assert checkpoints(tmp_path) == ['iter_6.pth']


def test_total_keeps_its_gradient() -> None:
    """The factor that spoils a bad total is exactly 1 for a good one."""
    model = MODELS.build(demt(TASKS))
    for value, expected in (
        (2.0**127, 1.0),
        (-0.125, 1.0),
        (math.inf, math.nan),
    ):
        loss = torch.tensor(value, requires_grad=True)
        total, log = model.parse_losses({'depth.loss_l1': loss})
        total.backward()
        assert log['loss'].item() == value
        assert loss.grad.item() == pytest.approx(expected, nan_ok=True)
