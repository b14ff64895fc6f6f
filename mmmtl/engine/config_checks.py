"""A top-level key that nobody reads is a mistake, and is refused.

mmengine ignores it, so a typing error trains the unchanged recipe.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.runner import Runner

from mmmtl.engine.user_errors import UserError

# Read by the runner from its config, or by our tools.
MORE_TOP_LEVEL_KEYS = (
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'load_from_strict',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
)
# Any other key is a variable of the config; one this near to a key that is
# read is a typing error.
NEAR_MISS = 0.85


def runner_keys() -> set[str]:
    """Return the top-level keys that the runner or our tools read."""
    arguments = inspect.signature(Runner.__init__).parameters
    return {*arguments, *MORE_TOP_LEVEL_KEYS} - {'self', 'cfg'}


def check_top_level(config: Mapping[str, Any]) -> None:
    """Refuse a top-level key that is nearly, but not quite, one that is read.

    Any other unknown key is a variable of the config (``crop_size``).

    Args:
        config: The loaded config.
    """
    known = runner_keys()
    for key in config:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1, cutoff=NEAR_MISS)
        # 'train_pipeline' beside 'tta_pipeline': the config's own idiom.
        if near and not key.endswith('_pipeline'):
            raise UserError(
                f'config: nothing reads the top-level key {key!r}; '
                f'did you mean {near[0]!r}?'
            )
