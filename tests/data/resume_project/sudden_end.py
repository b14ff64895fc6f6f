"""Kills or signals its own process at a moment that a variable names."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import Any

from mmengine.hooks import Hook

from mmmtl.registry import HOOKS

#: The plan: ``MOMENT:TIMES:SECONDS:SIGNAL[:RANK]``; ``error`` for a signal
#: is an error that is raised.
VARIABLE = 'SUDDEN_END'


@HOOKS.register_module()
class SuddenEndHook(Hook):
    """Acts when a moment has come so many times.

    Moments are ``iteration``, ``save`` and ``validation``. SIGKILL comes so
    many seconds later, all other signals at once.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        moment, times, seconds, number, *rank = os.environ.get(
            VARIABLE, 'never:0:0:KILL'
        ).split(':')
        mine = os.environ.get('RANK', '0') == (rank or ['0'])[0]
        self.moment = moment if mine else 'never'
        self.times = int(times)
        self.seconds = float(seconds)
        self.raises = number == 'error'
        self.number = None if self.raises else signal.Signals[f'SIG{number}']

    def before_train_iter(self, *args: Any, **more: Any) -> None:
        self._come('iteration')

    def before_save_checkpoint(self, *args: Any, **more: Any) -> None:
        self._come('save')

    def before_val_iter(self, *args: Any, **more: Any) -> None:
        self._come('validation')

    def _come(self, moment: str) -> None:
        if moment == self.moment:
            self.times -= 1
            if self.times == 0 and self.raises:
                raise RuntimeError('a defect')
            if self.times == 0 and self.number == signal.SIGKILL:
                threading.Thread(target=self._kill, daemon=True).start()
            elif self.times == 0:
                self._tell_all()

    def _kill(self) -> None:
        time.sleep(self.seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    def _tell_all(self) -> None:
        """Do as launchers and schedulers: loader processes hear it, too."""
        subprocess.run(
            ['kill', '-s', self.number.name[3:], '--', f'-{os.getpgrp()}'],
            start_new_session=True,
            check=True,
        )
