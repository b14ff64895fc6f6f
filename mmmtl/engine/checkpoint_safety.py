"""Checkpoints are untrusted input: weights are read, code is refused.

A PyTorch file is a pickle, and a pickle may run any code when it is read.
Neither supported mmengine is good enough on its own: the maintained one
falls back to unsafe unpickling when the safe way fails, the upstream one
cannot read its own checkpoints the safe way. So :func:`enable_safe_loading`
forces the safe way for the whole process, whoever calls ``torch.load``, and
registers the few harmless types that mmengine's checkpoints consist of.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mmmtl.engine.user_errors import UserError

FORCE_SAFE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
FORCE_UNSAFE = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'


class UnsafeCheckpointError(UserError):
    """The file asks for code to be run when it is read."""


class UnreadableCheckpointError(UserError):
    """The file is missing, cut off, or not a checkpoint at all."""


def enable_safe_loading() -> None:
    """Make every ``torch.load`` of this process refuse code.

    Call it before anything is loaded; calling it again does no harm. A
    ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD`` from the environment is dropped: it
    is a common workaround that would open the door again.
    """
    os.environ.pop(FORCE_UNSAFE, None)
    os.environ[FORCE_SAFE] = '1'
    torch.serialization.add_safe_globals(_safe_globals())


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a local checkpoint onto the CPU without running code from it.

    Args:
        path: A file on this machine.

    Returns:
        What was saved; a dict.

    Raises:
        UnsafeCheckpointError: The file holds something else than weights
            and plain data.
        UnreadableCheckpointError: The file is missing or damaged.
    """
    enable_safe_loading()
    path = Path(path).expanduser()
    if not path.is_file():
        raise UnreadableCheckpointError(f'checkpoint {path}: no such file')
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        raise _refusal(path, error) from error
    if not isinstance(content, dict):
        raise UnreadableCheckpointError(
            f'checkpoint {path}: expected a dict of tensors, found '
            f'{type(content).__name__}; save {{"state_dict": ...}} instead'
        )
    return content


def _refusal(path: Path, error: Exception) -> UserError:
    text = str(error)
    # The names of what the pickle wanted to call, as PyTorch reports them.
    wanted = re.search(
        r'GLOBAL (\S+) (?:was not|whose module)'
        r'|unrecognized function (.+?)[\n.]'
        r'|but got <class .([\w.]+)',
        text,
    )
    if isinstance(error, pickle.UnpicklingError) and wanted:
        name = next(filter(None, wanted.groups()))
        return UnsafeCheckpointError(
            f'checkpoint {path} contains code ({name}) and was refused; '
            'nothing of it was run. Fix: get a file that holds weights only '
            '(save model.state_dict() where the file comes from)'
        )
    reason = text.strip().partition('. ')[0].partition('\n')[0]
    return UnreadableCheckpointError(
        f'checkpoint {path} cannot be read ({type(error).__name__}: '
        f'{reason}); the file is cut off or not a PyTorch checkpoint: '
        'copy or download it again'
    )


def _safe_globals() -> list[Callable | tuple[Callable, str]]:
    """Return what mmengine's checkpoints contain beside tensors."""
    multiarray = (
        np._core.multiarray if hasattr(np, '_core') else (np.core.multiarray)
    )
    kinds = ('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16')
    kinds += ('uint32', 'uint64', 'float16', 'float32', 'float64', 'U1')
    allowed: list[Callable | tuple[Callable, str]] = [
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *{type(np.dtype(kind)) for kind in kinds},
        (_history_method, 'builtins.getattr'),
    ]
    # numpy 2 moved these; files written under either version name them.
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        allowed += [
            (multiarray._reconstruct, f'{module}._reconstruct'),
            (multiarray.scalar, f'{module}.scalar'),
        ]
    return allowed


def _history_method(owner: type, name: str) -> Callable:
    """Stand in for ``getattr``, which a HistoryBuffer's pickle calls.

    A HistoryBuffer stores its statistics functions as
    ``getattr(HistoryBuffer, 'mean')``. The real ``getattr`` would let a file
    reach into any allowed type; this one knows these four only.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'current', 'mean'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(
        f'Trying to call reduce for unrecognized function getattr {name}.'
    )
