"""The clock runs during a step and not around it."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook

from mmmtl.engine.hooks import step_times


class FakeRunner:
    """Keeps hooks as mmengine's runner does: by priority, then by age."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []

    def register_hook(self, hook: Hook) -> None:
        order = {'HIGHEST': 0, 'NORMAL': 50, 'LOWEST': 100}
        self.hooks.append(hook)
        self.hooks.sort(key=lambda one: order[one.priority])


def test_a_step_is_timed_without_what_other_hooks_do(monkeypatch: Any) -> None:
    """A clock that counts: hooks take 100 units, the step 3 and 2."""
    now = [0.0, 0.0]
    monkeypatch.setattr(step_times.time, 'perf_counter', lambda: now[0])
    monkeypatch.setattr(step_times.time, 'process_time', lambda: now[1])

    class Slow(Hook):
        priority = 'NORMAL'

        def before_train_iter(self, *_: Any, **__: Any) -> None:
            now[0] += 100

        after_train_iter = before_train_iter

    runner = FakeRunner()
    runner.register_hook(Slow())
    steps = step_times.time_steps(runner)
    runner.register_hook(Slow())
    for index in range(2):
        for hook in runner.hooks:
            hook.before_train_iter(runner, index)
        now[0] += 3
        now[1] += 2
        for hook in runner.hooks:
            hook.after_train_iter(runner, index)
    assert steps == [(3.0, 2.0), (3.0, 2.0)]
