"""Checks the file a built model is about to be filled from."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import nn

from mmmtl.engine.checkpoint_loading import (
    ForeignCheckpointError,
    check_fits,
    check_task_order,
    compare,
    state_dict_of,
)
from mmmtl.engine.checkpoint_safety import read_checkpoint
from mmmtl.engine.distributed import raise_together
from mmmtl.engine.pretrained_weights import fetch_checkpoint
from mmmtl.engine.user_errors import UserError


def check_start_file(config: Config) -> None:
    """Refuse a ``load_from`` that is missing, damaged or holds code.

    Called before the runner exists, so that nothing is written for a run
    that cannot start.

    Args:
        config: Its ``load_from`` is read.
    """
    if config.get('load_from'):
        read_checkpoint(fetch_checkpoint(config.load_from))


def check_start_weights(config: Config, model: nn.Module) -> None:
    """Refuse a ``load_from`` that is not of this model.

    The runner loads what fits and logs the rest, hence the look beforehand.
    ``load_from_strict = False`` in the config accepts a file of which only a
    part fits (another number of classes, say) when a training starts; it is
    ignored when a training is resumed.

    Args:
        config: Its ``load_from``, ``resume`` and ``load_from_strict`` are
            read.
        model: The built model.
    """
    if not config.get('load_from'):
        return
    error: UserError | None = None
    try:
        _check(config, model)
    except UserError as found:
        error = found
    raise_together(error)


def _check(config: Config, model: nn.Module) -> None:
    path = config.load_from
    checkpoint = read_checkpoint(fetch_checkpoint(path))
    if config.get('load_from_strict', True) or config.get('resume'):
        try:
            check_fits(model, checkpoint, path)
        except ForeignCheckpointError as error:
            if config.get('resume'):
                raise
            raise ForeignCheckpointError(
                f'{error}, or load the part that fits: --cfg-options '
                'load_from_strict=False'
            ) from error
        return
    state = state_dict_of(checkpoint, path)
    # A part of the weights would be of the wrong tasks, whatever fits.
    check_task_order(model, state, path)
    found = compare(model, state)
    if not found.matching:
        raise ForeignCheckpointError(f'checkpoint {path}: {found.describe()}')
    logger = MMLogger.get_current_instance()
    logger.warning(f'load_from: a part of {path}: {found.describe()}')
