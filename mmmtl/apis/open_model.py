"""From one name to a model that predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.engine.config import load_config
from mmmtl.engine.named_models import find_model, find_weights, names_weights


def open_model(
    model: str | Path,
    *,
    config: str | Path | None = None,
    device: str | torch.device | None = None,
    cfg_options: dict[str, Any] | None = None,
    trust_remote_code: bool = False,
) -> MultiTaskInferencer:
    """Open a model with its weights.

    A ``config`` that is named here is yours, and runs. One that lies beside
    weights may be anybody's: it is read as data.

    Args:
        model: What :func:`from_pretrained` takes; the work folder of a
            training, whose last checkpoint is taken; or a weights file, or a
            URL if ``config`` is given.
        config: Config of the weights; None takes the one that lies beside
            them.
        device: Where the model runs; a GPU if there is one, if None.
        cfg_options: Changes to the config, by dotted key.
        trust_remote_code: Run what a config beside the weights asks for:
            modules, a config that is Python, types of other packages.

    Raises:
        UserError: There is no such model, it is not clear which config its
            weights have, or that config asks for code.
    """
    if config is not None:
        weights = find_weights(model) if names_weights(model) else model
        return MultiTaskInferencer(
            config, weights, device=device, cfg_options=cfg_options
        )
    found = find_model(model, trust_remote_code=trust_remote_code)
    with found.opening():
        ready = load_config(found.config, cfg_options)
        return MultiTaskInferencer(ready, found.weights, device=device)


def from_pretrained(
    name: str | Path,
    *,
    device: str | torch.device | None = None,
    trust_remote_code: bool = False,
) -> MultiTaskInferencer:
    """Open a model that somebody has saved.

    Args:
        name: ``hf-hub:user/model``, or ``hf-hub:user/model@revision``; the
            name of a model that comes with the package, or of a config whose
            weights its metafile names; or a folder that
            :func:`save_pretrained` has written.
        device: Where the model runs; a GPU if there is one, if None.
        trust_remote_code: See :func:`open_model`.

    Returns:
        The model, ready to predict; the network is its ``model``.

    Raises:
        UserError: As :func:`open_model`.
    """
    return open_model(name, device=device, trust_remote_code=trust_remote_code)
