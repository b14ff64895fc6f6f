"""Which checkpoint a training continues from."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from mmmtl.engine.checkpoint_safety import (
    UnsafeCheckpointError,
    read_checkpoint,
)
from mmmtl.engine.total_batch import check_same_accumulation
from mmmtl.engine.user_errors import UserError


def set_resume(config: Config, resume: str | None) -> str | None:
    """Tell the runner what to resume, after a look into the file.

    A checkpoint is written before its name is noted in the work folder's
    ``last_checkpoint``; a run that was killed while it saved goes on from
    the checkpoint before.

    Args:
        config: ``resume`` and ``load_from`` are set; ``work_dir`` is read.
        resume: ``auto`` for the latest checkpoint in the work folder, a
            path, or None for what the config says.

    Returns:
        A line to log, None if there is nothing to say.
    """
    if resume is None:
        if not config.get('resume'):
            return None
        resume = config.get('load_from') or 'auto'
    path: str | None = resume
    if resume == 'auto':
        path = _latest(config.work_dir)
        if path is None:
            config.resume = False
            return f'nothing to resume in {config.work_dir}: starting anew'
    checkpoint = read_checkpoint(str(path))
    if 'meta' not in checkpoint or 'optimizer' not in checkpoint:
        raise UserError(
            f'--resume: {path} holds weights but no state of a training; '
            f'start from its weights: --cfg-options load_from={path}'
        )
    if 'config' in checkpoint['meta']:
        # mmengine writes `meta.cfg`, but executes `meta.config` on resuming.
        raise UnsafeCheckpointError(
            f'--resume: {path} brings a program (meta.config) that would be '
            'run; refused. Start from its weights, if you trust them: '
            f'--cfg-options load_from={path}'
        )
    check_same_accumulation(config, checkpoint)
    config.resume = True
    config.load_from = str(path)
    return f'resuming {path}, iteration {checkpoint["meta"].get("iter")}'


def _latest(work_dir: str) -> str | None:
    if not (Path(work_dir) / 'last_checkpoint').is_file():
        return None
    return find_latest_checkpoint(work_dir)
