"""Options of the train tool that change the config."""

from __future__ import annotations

import torch
from mmengine.config import Config

from mmmtl.engine.user_errors import UserError


def set_amp(config: Config) -> None:
    """Switch a config to mixed precision.

    Args:
        config: Its optimizer wrapper is changed.
    """
    if not torch.cuda.is_available():
        raise UserError('--amp needs a CUDA device and there is none')
    wrapper = config.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind == 'AmpOptimWrapper':
        return
    if kind != 'OptimWrapper':
        raise UserError(
            '--amp replaces an OptimWrapper, the config has '
            f'optim_wrapper.type={kind!r}; set mixed precision there'
        )
    wrapper.type = 'AmpOptimWrapper'
    wrapper.loss_scale = 'dynamic'


def set_seed(config: Config, seed: int) -> None:
    """Fix the seed of all randomness.

    Args:
        config: Its ``randomness`` keeps its other keys.
        seed: Not negative; processes add their rank where they should
            differ.
    """
    if seed < 0:
        raise UserError(f'--seed {seed}: must be 0 or more')
    config.randomness = {**(config.get('randomness') or {}), 'seed': seed}
