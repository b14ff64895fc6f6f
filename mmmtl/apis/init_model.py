"""From a config and a checkpoint to a model that predicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from torch import nn

from mmmtl.engine.changed_options import check_meaning
from mmmtl.engine.checkpoint import enable_safe_loading, load_checkpoint_strict
from mmmtl.engine.config import load_config
from mmmtl.engine.config_tasks import complete_tasks, test_dataset_of
from mmmtl.engine.named_models import find_model, names_weights
from mmmtl.engine.weights import fetch_checkpoint
from mmmtl.errors import UserError
from mmmtl.registry import DATASETS, MODELS, build_in_scope
from mmmtl.zoo import ready_configs


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = 'cpu',
    cfg_options: dict[str, Any] | None = None,
    *,
    trust_remote_code: bool = False,
) -> nn.Module:
    """Build a model for prediction and fill it from a checkpoint.

    Pretrained weights that the config names for the start of a training are
    not fetched: the checkpoint holds them all.

    Args:
        config: A config file, or a config; or the name of a model with its
            weights (:mod:`mmmtl.engine.named_models`).
        checkpoint: Path or URL; None leaves the weights random, which is
            good for timing and nothing else.
        device: Where the model runs.
        cfg_options: Changes to the config, by dotted key.
        trust_remote_code: Run what the config of a named model asks for.

    Returns:
        The model in evaluation mode. It carries ``cfg``, the config,
        ``dataset_meta``, names and colours of the classes (those the
        checkpoint was trained with, else those of the config's data set),
        and ``weights_file``, the checkpoint's file or None.

    Raises:
        UserError: The config or the checkpoint is missing, damaged, unsafe,
            or they do not belong together; the text names what differs.
    """
    enable_safe_loading()
    check_device(device)
    # With a checkpoint, the name of a config is that and no more.
    is_config = checkpoint is not None and str(config) in ready_configs()
    if names_weights(config) and not is_config:
        found = find_model(config, trust_remote_code=trust_remote_code)
        with found.opening():
            ready = load_config(found.config, cfg_options)
            return init_model(ready, checkpoint or found.weights, device)
    if isinstance(config, Config):
        config = config.copy()
        config.merge_from_dict(cfg_options or {})
        complete_tasks(config)
    else:
        config = load_config(config, cfg_options)
    model = build_in_scope(MODELS, config.model)
    meta = dataset_meta_of(config)
    path = None
    if checkpoint is None:
        print_log(
            'no checkpoint is given: the predictions mean nothing',
            logger='current',
        )
    else:
        path = fetch_checkpoint(str(checkpoint))
        content = load_checkpoint_strict(model, path)
        check_meaning(model, content, path)
        meta = (content.get('meta') or {}).get('dataset_meta') or meta
    # One process has no other to synchronise with, and a CPU cannot.
    model = revert_sync_batchnorm(model)
    model.cfg = config
    model.dataset_meta = meta
    model.weights_file = path
    return model.to(device).eval()


def check_device(device: str | torch.device) -> None:
    """Refuse a device that is not there, before anything is built.

    Args:
        device: For instance ``'cpu'`` or ``'cuda:0'``.

    Raises:
        UserError: PyTorch cannot use it; the text says why.
    """
    try:
        torch.zeros(1, device=device).item()  # a meta device holds nothing
    # AssertionError where PyTorch was built without CUDA, ImportError where
    # a device has a package of its own.
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).partition('\n')[0]
        raise UserError(
            f'device {str(device)!r} cannot be used ({reason}): give cpu, or '
            'cuda or cuda:0 where there is a GPU'
        ) from error


def dataset_meta_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return names and colours of the classes as a config has them.

    Args:
        config: Its ``test_dataloader.dataset`` is looked at; the data
            themselves need not be there.

    Returns:
        The data set's metainfo; empty if the config has no data set.
    """
    dataset = test_dataset_of(config)
    if 'type' not in dataset:
        return dict(dataset.get('metainfo') or {})
    kind = dataset['type']
    cls = DATASETS.get(kind) if isinstance(kind, str) else kind
    if cls is None:
        raise UserError(
            f'test_dataloader.dataset.type={kind!r}: there is no such data set'
        )
    if not (isinstance(cls, type) and issubclass(cls, BaseDataset)):
        return dict(dataset.get('metainfo') or {})
    # mmengine's own rule: entries of the config go over those of the class.
    return cls._load_metainfo(dataset.get('metainfo'))
