"""Train, evaluate and predict in one call each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.apis.open_model import open_model
from mmmtl.apis.pictures import PictureInput
from mmmtl.engine.run import (
    EvaluationOptions,
    TrainingOptions,
    run_test,
    run_training,
)
from mmmtl.engine.tracking import Tracker
from mmmtl.errors import UserError


def train(
    config: str | Path | Mapping[str, Any] | Config,
    *,
    data: str | Path | None = None,
    work_dir: str | Path | None = None,
    resume: str | Path | None = None,
    amp: bool = False,
    total_batch: int | None = None,
    seed: int | None = None,
    vis: Tracker | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> Path:
    """Train a model in this process.

    Args:
        config: The name of a config that comes with the package, such as
            ``'demt_swin-t_nyud'``; a config file; or a whole config.
        data: Folder of the data, in the place of the config's. It must be
            laid out like that one; a config that ``mmmtl init`` has written
            for a folder reads any other with the same names and encodings.
        work_dir: Folder for checkpoints and logs; ``work_dirs/`` and the
            config's name if None.
        resume: ``'auto'`` to go on from the latest checkpoint in the work
            folder, or a checkpoint.
        amp: Mixed precision: float16 on a GPU, bfloat16 elsewhere.
        total_batch: Samples per optimizer step, reached by accumulating.
        seed: Seed of all randomness.
        vis: Show the training in this program, too: ``'tensorboard'``,
            ``'wandb'`` or ``'mlflow'``.
        cfg_options: Changes to the config, by dotted key.

    Returns:
        The work folder, which :func:`predict` takes as a model.

    Raises:
        UserError: The parts of the config do not belong together, or a file
            is missing; the text names the fix.
    """
    options = TrainingOptions(
        config=config,
        data=data,
        work_dir=work_dir,
        resume=resume,
        amp=amp,
        total_batch=total_batch,
        seed=seed,
        vis=vis,
        cfg_options=cfg_options or {},
    )
    return run_training(options)


def test(
    config: str | Path | Mapping[str, Any] | Config,
    weights: str | Path,
    *,
    data: str | Path | None = None,
    work_dir: str | Path | None = None,
    out: str | Path | None = None,
    tta: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Evaluate a model in this process.

    Args:
        config: See :func:`train`.
        weights: Path or URL of a checkpoint of that config, or the name of
            a model (:func:`open_model`).
        data: See :func:`train`.
        work_dir: Folder for logs.
        out: Results file to write, ``.json``.
        tta: Test-time augmentation.
        cfg_options: Changes to the config, by dotted key.

    Returns:
        Metric by name, such as ``depth/rmse``.

    Raises:
        UserError: See :func:`train`.
    """
    options = EvaluationOptions(
        config=config,
        checkpoint=weights,
        data=data,
        work_dir=work_dir,
        out=out,
        tta=tta,
        cfg_options=cfg_options or {},
    )
    return run_test(options)


def predict(
    model: str | Path | MultiTaskInferencer,
    images: PictureInput | Sequence[PictureInput],
    *,
    out_dir: str | Path | None = None,
    gallery: str | Path | None = None,
    save_maps: bool = False,
    tasks: Sequence[str] | None = None,
    batch_size: int = 1,
    tile: int | Sequence[int] | None = None,
    tile_overlap: int | None = None,
    config: str | Path | None = None,
    device: str | torch.device | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
) -> Any:
    """Predict every task of a model on pictures.

    Args:
        model: What :func:`open_model` takes; or an open model, which saves
            the time to open it for every call.
        images: A file, a URL, a folder, a ``(H, W, 3)`` uint8 BGR array, a
            picture of Pillow's, or a list of these.
        out_dir: Write a page per picture into this folder.
        gallery: Write one page for all pictures to this file, ``.html``.
        save_maps: Write the maps there as well.
        tasks: Tasks to return, all if None.
        batch_size: Pictures, or tiles, per forward pass.
        tile: See :class:`MultiTaskInferencer`.
        tile_overlap: The same.
        config: Config of the weights; the one beside them if None.
        device: Where the model runs; a GPU if there is one, if None. An open
            model stays where it is.
        cfg_options: Changes to the config, by dotted key.
        trust_remote_code: See :func:`open_model`.

    Returns:
        ``{task: map}`` for one picture, a list of these for a folder
        or list; see :class:`MultiTaskInferencer` for what maps hold.

    Raises:
        UserError: There is no such model, or an open one is to have another
            config.
        ValueError: An input is no picture, or an option is wrong.
    """
    if not isinstance(model, MultiTaskInferencer):
        model = open_model(
            model,
            config=config,
            device=device,
            cfg_options=dict(cfg_options or {}),
            trust_remote_code=trust_remote_code,
        )
    elif config is not None or cfg_options:
        raise UserError(
            'predict: the model is open and keeps its config: give config '
            'and cfg_options to open_model'
        )
    return model(
        images,
        batch_size=batch_size,
        out_dir=out_dir,
        gallery=gallery,
        save_maps=save_maps,
        tasks=tasks,
        tile=tile,
        tile_overlap=tile_overlap,
    )
