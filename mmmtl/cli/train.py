"""``mmmtl train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mmmtl.engine.tracking import Tracker

Launcher = Literal['none', 'pytorch', 'slurm', 'mpi']


def train(
    config: str,
    /,
    *,
    data: Path | None = None,
    work_dir: Path | None = None,
    resume: Annotated[
        tuple[str, ...] | None, Parameter(consume_multiple=(0, 1))
    ] = None,
    resume_changed: bool = False,
    amp: bool = False,
    total_batch: int | None = None,
    seed: int | None = None,
    vis: Tracker | None = None,
    cfg_options: tuple[str, ...] = (),
    launcher: Launcher = 'none',
) -> None:
    """Train a model.

    Args:
        config: Config file, or the name of one (`mmmtl models` lists them).
        data: Folder of the data, in the place of the config's; it must be
            laid out like that one. For a folder of your own, see `mmmtl
            init`.
        work_dir: Folder for checkpoints and logs; work_dirs/CONFIG if left
            out.
        resume: Go on from the latest checkpoint in the work folder, or from
            the one given.
        resume_changed: Go on although options differ from those of the
            checkpoint; they are listed.
        amp: Mixed precision: float16 on a GPU, bfloat16 elsewhere.
        total_batch: Samples per optimizer step over all processes, reached by
            accumulating; the numbers of the config go on counting optimizer
            steps.
        seed: Seed of all randomness.
        vis: Show the training in this program, too.
        cfg_options: Changes to the config as KEY=VALUE, for instance
            train_dataloader.batch_size=4.
        launcher: Who starts the processes, for instance pytorch with
            `torchrun -m mmmtl train`.
    """
    from mmengine.dist import is_main_process

    from mmmtl.engine.run import TrainingOptions, run_training

    options = TrainingOptions(
        config=config,
        data=data,
        work_dir=work_dir,
        resume=None if resume is None else (*resume, 'auto')[0],
        resume_changed=resume_changed,
        amp=amp,
        total_batch=total_batch,
        seed=seed,
        vis=vis,
        cfg_options=cfg_options,
        launcher=launcher,
    )
    folder = run_training(options)
    if is_main_process():
        print(_what_next(folder))


def _what_next(folder: str | Path) -> str:
    """Return the command that shows what was trained, if there is one."""
    from mmmtl.engine.named_models import find_model
    from mmmtl.engine.plain_config import AsksForCodeError
    from mmmtl.errors import UserError

    trust = ''
    try:
        find_model(folder)
    except AsksForCodeError:
        trust = ' --trust-remote-code'
    except UserError:  # no checkpoint, for one
        return f'trained: {folder}'
    return (
        'trained; look at its predictions: '
        f'mmmtl predict {folder} IMAGE{trust}'
    )
