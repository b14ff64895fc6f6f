"""From a training to the files that prediction needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import Tensor

from mmmtl.apis.init_model import init_model, test_dataset_of
from mmmtl.engine.weights import pretrained_sources
from mmmtl.zoo import CONFIG_FILE, WEIGHTS_FILE


def publish_model(
    config: str | Path | Config, checkpoint: str | Path, out_dir: Path
) -> int:
    """Write config and weights of a trained model for prediction.

    Args:
        config: A config file, or a config.
        checkpoint: Path or URL.
        out_dir: Folder to write into.

    Returns:
        Size of the weights in bytes.

    Raises:
        UserError: As in :func:`init_model`.
    """
    from safetensors.torch import save_file  # only publishing needs it

    model = init_model(config, checkpoint)
    out_dir.mkdir(parents=True, exist_ok=True)
    _for_prediction(model.cfg).dump(str(out_dir / CONFIG_FILE))
    state = {
        name: _half(tensor) for name, tensor in model.state_dict().items()
    }
    meta = dict(dataset_meta=_plain_meta(model.dataset_meta))
    path = out_dir / WEIGHTS_FILE
    save_file(state, path, {'format': 'pt', 'meta': json.dumps(meta)})
    path.chmod(0o644)  # safetensors lets nobody else read it
    return path.stat().st_size


def _for_prediction(config: Config) -> Config:
    """Keep the network and how pictures get to it."""
    kept = Config(
        dict(
            default_scope=config.default_scope,
            model=config.model,
            test_pipeline=test_dataset_of(config)['pipeline'],
            **(
                {'new_tasks': config.new_tasks}
                if 'new_tasks' in config
                else {}
            ),
        )
    )
    # The weights hold all that the training started from.
    kept.merge_from_dict({key: None for key, *_ in pretrained_sources(kept)})
    return kept


def _half(tensor: Tensor) -> Tensor:
    """Halve matrices and kernels; variances of norms span too wide a range."""
    wide = tensor.is_floating_point() and tensor.ndim > 1
    return (tensor.half() if wide else tensor).contiguous()


def _plain_meta(meta: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in meta.items() if value is not None}
