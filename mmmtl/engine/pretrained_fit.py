"""Do the weights that a backbone starts from belong to it?

mmseg's backbones load what fits and say nothing of the rest, so a file of
another network would leave random weights behind and no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.logging import MMLogger
from torch import nn

from mmmtl.engine.checkpoint_loading import (
    Comparison,
    bare_model,
    compare,
    state_dict_of,
)
from mmmtl.engine.checkpoint_safety import read_checkpoint
from mmmtl.engine.distributed import raise_together
from mmmtl.engine.pretrained_weights import (
    fetch_checkpoint,
    pretrained_sources,
)
from mmmtl.engine.user_errors import UserError

#: Below this share of a module's tensors, the file is taken for another
#: network's. A missing output norm or a window of another size stay legal.
ENOUGH = 0.5


def check_pretrained_fit(config: Mapping[str, Any], model: nn.Module) -> None:
    """Refuse pretrained weights of which less than half fit.

    Args:
        config: Every ``init_cfg`` of type ``Pretrained`` in its ``model``
            is looked at.
        model: The built model.

    Raises:
        UserError: Names the file, the config key and what differs.
    """
    error: UserError | None = None
    try:
        for key, source, prefix in pretrained_sources(config):
            _check(key, source, prefix, model)
    except UserError as found:
        error = found
    raise_together(error)


def _check(
    key: str, source: str, prefix: str | None, model: nn.Module
) -> None:
    module = _module_of(key, model)
    # These rename the tensors of the original Swin files while loading.
    if module is None or getattr(module, 'convert_weights', False):
        return
    state = state_dict_of(read_checkpoint(fetch_checkpoint(source)), source)
    if prefix:
        dot = prefix if prefix.endswith('.') else f'{prefix}.'
        state = {
            name.removeprefix(dot): tensor
            for name, tensor in state.items()
            if name.startswith(dot)
        }
    found = compare(module, state)
    total = len(module.state_dict())
    if found.matching < ENOUGH * total:
        raise UserError(
            f'{key}: pretrained weights {source} are of another network: '
            f'{_describe(found, total)}. Fix: name the right file or '
            f'prefix, or start without: --cfg-options {key}=None'
        )
    if found.missing or found.misshapen:
        MMLogger.get_current_instance().warning(
            f'{key}: {source}: {_describe(found, total)}'
        )


def _describe(found: Comparison, total: int) -> str:
    return f'{found.describe()} (of {total} in the model)'


def _module_of(key: str, model: nn.Module) -> nn.Module | None:
    path = key.removeprefix('model.')
    for end in ('.init_cfg', '.pretrained'):
        path = path.removesuffix(end)
    try:
        return bare_model(model).get_submodule(path)
    except AttributeError:
        return None  # a part that is not built under its config's name
