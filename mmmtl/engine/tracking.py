"""Where a training is shown besides its log: mmengine's back ends by name."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mmmtl.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

Tracker = Literal['tensorboard', 'wandb', 'mlflow']


class _BackEnd(NamedTuple):
    """A back end of mmengine, and what it needs."""

    name: str
    install: str


_BACK_ENDS: dict[str, _BackEnd] = {
    'tensorboard': _BackEnd('TensorboardVisBackend', 'mmmtl[optional]'),
    'wandb': _BackEnd('WandbVisBackend', 'wandb'),
    'mlflow': _BackEnd('MLflowVisBackend', 'mlflow'),
}


def add_tracker(config: Config, tracker: Tracker) -> None:
    """Let a training be shown by another program, too.

    Args:
        config: Has a ``work_dir``. Its visualizer gets the back end, unless
            it has it: one of the config keeps its settings.
        tracker: Name of the program, which is that of its package.

    Raises:
        UserError: The package is not installed.
    """
    back_end = _BACK_ENDS[tracker]
    if find_spec(tracker) is None:
        raise UserError(
            f'--vis {tracker} needs the package {tracker}: pip install '
            f"'{back_end.install}'"
        )
    visualizer = config.get('visualizer') or dict(type='MultiTaskVisualizer')
    known = list(visualizer.get('vis_backends') or ())
    if back_end.name not in [str(item.get('type')) for item in known]:
        settings = _of_mlflow(config.work_dir) if tracker == 'mlflow' else {}
        known.append(dict(type=back_end.name, **settings))
    config.visualizer = {**visualizer, 'vis_backends': known}


def _of_mlflow(work_dir: str) -> dict[str, Any]:
    """Name a database beside the work folder, one for all that lie there.

    mmengine's default, a folder of files, is refused by MLflow 3.17.
    """
    work = Path(work_dir).resolve()
    settings = dict(exp_name='mmmtl', run_name=work.name)
    if os.environ.get('MLFLOW_TRACKING_URI'):
        server = os.environ['MLFLOW_TRACKING_URI']
        return dict(settings, tracking_uri=server)
    return dict(
        settings,
        tracking_uri=f'sqlite:///{work.parent / "mlflow.db"}',
        artifact_location=(work.parent / 'mlflow').as_uri(),
    )
