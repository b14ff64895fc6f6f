"""How long the steps of a training take."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from mmengine.hooks import Hook
from mmengine.runner import Runner


class StepTime(NamedTuple):
    """Seconds of a step: forward, backward and update.

    Attributes:
        elapsed: By the clock on the wall.
        processor: Of all threads of this process; waiting, and what other
            programs take away, is left out.
    """

    elapsed: float
    processor: float


def time_steps(runner: Runner) -> list[StepTime]:
    """Have every training step of a runner timed.

    Loading a batch and what other hooks do around a step is left out: the
    clock starts last and stops first.

    Args:
        runner: A runner that has not started to train.

    Returns:
        A list that grows with every step.
    """
    steps: list[StepTime] = []
    clock = _StartClock()
    runner.register_hook(clock)
    runner.register_hook(_StopClock(clock, steps))
    return steps


def _now() -> StepTime:
    return StepTime(time.perf_counter(), time.process_time())


class _StartClock(Hook):
    priority = 'LOWEST'

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        del runner, batch_idx, data_batch
        self.started = _now()


class _StopClock(Hook):
    priority = 'HIGHEST'

    def __init__(self, clock: _StartClock, steps: list[StepTime]) -> None:
        self.clock = clock
        self.steps = steps

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        del runner, batch_idx, data_batch, outputs
        self.steps.append(
            StepTime(
                *(
                    end - start
                    for end, start in zip(
                        _now(), self.clock.started, strict=True
                    )
                )
            )
        )
