"""From one name to a model that predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.engine.work_dir import POINTER
from mmmtl.errors import UserError
from mmmtl.zoo import CONFIG_FILE, WEIGHTS_FILE, shipped_models


def open_model(
    model: str | Path,
    *,
    config: str | Path | None = None,
    device: str | torch.device | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> MultiTaskInferencer:
    """Open a model with its weights.

    Args:
        model: The name of a model that comes with the package
            (:mod:`mmmtl.zoo`); a weights file, or a URL if ``config`` is
            given; the work folder of a training,
            whose last checkpoint is taken; or a folder with ``config.py`` and
            ``weights.safetensors``, as
            ``tools/model_converters/publish.py`` writes it.
        config: Config of the weights; None takes the one that lies beside
            them.
        device: Where the model runs; a GPU if there is one, if None.
        cfg_options: Changes to the config, by dotted key.

    Raises:
        UserError: There is no such model, or it is not clear which config
            its weights have.
    """
    found, weights = config_and_weights(model, config)
    return MultiTaskInferencer(
        found, weights, device=device, cfg_options=cfg_options
    )


def config_and_weights(
    model: str | Path, config: str | Path | None = None
) -> tuple[str | Path, str | Path | None]:
    """Return what is meant, as :class:`MultiTaskInferencer` takes it.

    Args:
        model: See :func:`open_model`.
        config: See :func:`open_model`.

    Raises:
        UserError: See :func:`open_model`.
    """
    if str(model) in shipped_models() and config is None:
        return str(model), None
    if config is not None and not Path(model).is_dir():
        return config, model
    weights = find_weights(model)
    return config or config_beside(weights), weights


def find_weights(model: str | Path) -> Path:
    """Return the weights file that is meant.

    Args:
        model: See :func:`open_model`.

    Raises:
        UserError: There is none.
    """
    path = Path(model)
    if path.is_file():
        return path
    pointer = path / POINTER
    if pointer.is_file():
        # By its name: the folder may have been copied.
        named = Path(pointer.read_text('utf-8').strip())
        return next(
            (p for p in (path / named.name, named) if p.is_file()), named
        )
    if (path / WEIGHTS_FILE).is_file():
        return path / WEIGHTS_FILE
    if path.is_dir():
        raise UserError(
            f'model {path}: the folder has neither {POINTER}, which a '
            f'training writes, nor {WEIGHTS_FILE}: name a weights file'
        )
    raise UserError(
        f'model {path}: no such file, and no model of this name comes with '
        f'the package: known are {", ".join(shipped_models())}'
    )


def config_beside(weights: Path) -> Path:
    """Return the config that lies beside weights.

    Args:
        weights: The file.

    Raises:
        UserError: There is none, or there are several.
    """
    found = sorted(weights.parent.glob('*.py'))
    own = weights.parent / CONFIG_FILE
    if len(found) != 1 and own not in found:
        seen = ', '.join(p.name for p in found) or 'none'
        raise UserError(
            f'the config of {weights} is not known (found beside it: {seen}): '
            'name it with --config, or config='
        )
    return own if own in found else found[0]
