"""Checkpoints are untrusted input, and are loaded completely or not at all.

A PyTorch file is a pickle, and a pickle may run any code when it is read.
Neither supported mmengine is good enough on its own: the maintained one
falls back to unsafe unpickling when the safe way fails, the upstream one
cannot read its own checkpoints the safe way. So :func:`enable_safe_loading`
forces the safe way for the whole process, whoever calls ``torch.load``, and
registers the few harmless types that mmengine's checkpoints consist of.

A file is whole or refused: PyTorch writes a checksum for each part of its
files and never looks at it, so that a flipped bit would be another weight.
:func:`read_checkpoint` looks.

mmengine loads whatever names happen to agree and logs the rest, so that the
checkpoint of another model would leave random weights and exit code 0.
:func:`load_weights` compares names, shapes and types first, and refuses
values that are not finite.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.fileio import PickleHandler
from mmengine.fileio.handlers import file_handlers
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from mmmtl.errors import UserError

FORCE_SAFE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
FORCE_UNSAFE = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
SHOWN = 4  # names listed at most in an error
#: Where a ``.safetensors`` file has its :func:`content_hash`.
CONTENT_HASH = 'mmmtl_sha256'


class UnsafeCheckpointError(UserError):
    """The file asks for code to be run when it is read."""


class UnreadableCheckpointError(UserError):
    """The file is missing, cut off, or not a checkpoint at all."""


class ForeignCheckpointError(UserError):
    """The checkpoint belongs to another model."""


class SpoiledCheckpointError(UserError):
    """Names and shapes fit, but the values cannot be weights."""


def enable_safe_loading() -> None:
    """Make every ``torch.load`` of this process refuse code.

    Call it before anything is loaded; calling it again does no harm. A
    ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD`` from the environment is dropped: it
    is a common workaround that would open the door again.
    """
    os.environ.pop(FORCE_UNSAFE, None)
    os.environ[FORCE_SAFE] = '1'
    torch.serialization.add_safe_globals(_safe_globals())


@contextmanager
def no_pickles() -> Iterator[None]:
    """Keep ``mmengine.load`` from reading pickles, which may run any code.

    Not for the whole process: annotations of other data sets are pickles.
    """
    removed = {
        name: file_handlers.pop(name)
        for name, handler in list(file_handlers.items())
        if isinstance(handler, PickleHandler)
    }
    try:
        yield
    finally:
        file_handlers.update(removed)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a local checkpoint onto the CPU without running code from it.

    Files older than PyTorch 1.6, and ``.safetensors`` of others, hold no
    checksums. Theirs is read from ``FILE.sha256`` where it stands beside (as
    ``sha256sum FILE > FILE.sha256`` writes it); so is any other file's.

    Args:
        path: A file on this machine, of PyTorch or ``.safetensors``.

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
        check_sums(path)
        content = _read(path)
    except ImportError:
        raise
    except Exception as error:
        raise _refusal(path, error) from error
    if not isinstance(content, dict):
        raise UnreadableCheckpointError(
            f'checkpoint {path}: expected a dict of tensors, found '
            f'{type(content).__name__}; save {{"state_dict": ...}} instead'
        )
    if not isinstance(content.get('meta', {}), dict):
        del content['meta']  # the weights are what they are without it
    return content


def _read(path: Path) -> Any:
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    return torch.load(path, map_location='cpu', weights_only=True)


def _read_safetensors(path: Path) -> dict[str, Any]:
    """Read tensors by name; a text ``meta`` in the header is JSON."""
    from safetensors import safe_open  # in the extra `optional`

    with safe_open(path, framework='pt') as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = file.metadata() or {}
    noted = header.get(CONTENT_HASH)
    if noted and noted != content_hash(state, header.get('meta', '')):
        raise ValueError(
            'what it holds is not what was saved; if you changed it, leave '
            f'{CONTENT_HASH} out of the header'
        )
    meta = json.loads(header.get('meta', '{}'))
    return dict(meta=meta, state_dict=state)


def content_hash(state: Mapping[str, Tensor], text: str) -> str:
    """Return the SHA-256 that ``save_pretrained`` writes into its files.

    ``.safetensors`` has no checksum, and a hash of the whole file cannot
    stand in it.

    Args:
        state: Tensors by name, on the CPU.
        text: What the header says of them.
    """
    digest = hashlib.sha256(text.encode())
    for name in sorted(state):
        tensor = state[name]
        form = f'{name} {tensor.dtype} {tuple(tensor.shape)}'
        digest.update(form.encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def check_sums(path: Path) -> None:
    """Compare a file with the checksums in it and beside it.

    Args:
        path: Any file; one without checksums passes.

    Raises:
        ValueError: The file is not what was written.
    """
    noted = noted_hash(path)
    if noted and noted != file_hash(path):
        raise ValueError(f'its SHA-256 is not that in {path.name}.sha256')
    with path.open('rb') as file:
        is_zip = file.read(4) == b'PK\x03\x04'  # as PyTorch decides it
    if not is_zip:
        return
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
        # All zero: `torch.serialization.set_crc32_options(False)`.
        wrong = archive.testzip() if any(r.CRC for r in records) else None
        # PyTorch leaves the memory of what is marked as a folder as it was.
        folders = [r for r in records if r.external_attr & 0x10]
        lost = [r.filename for r in folders if not r.is_dir()]
    if wrong or lost:
        raise ValueError(f'{wrong or lost[0]} in it is not what was saved')


def noted_hash(path: Path) -> str | None:
    """Return the SHA-256 that is noted beside a file, None if none is."""
    note = path.with_name(f'{path.name}.sha256')
    text = note.read_text(errors='replace') if note.is_file() else ''
    return next(iter(text.lower().split()), None)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    found = path.stat()
    return _hash(path, found.st_mtime_ns, found.st_size)


@lru_cache
def _hash(path: Path, *_: int) -> str:
    """Read a file once for the same time of change and size."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


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
        f'{reason}); the file is damaged, cut off or not a PyTorch '
        'checkpoint: copy or download it again'
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


def load_checkpoint_strict(
    model: nn.Module, path: str | Path
) -> dict[str, Any]:
    """Load a file into a model if every tensor fits, else refuse.

    Args:
        model: The model to fill; wrappers (DDP, test-time augmentation) are
            looked through.
        path: A local checkpoint; read without running code from it.

    Returns:
        The whole checkpoint, with its ``meta`` where it has one.

    Raises:
        ForeignCheckpointError: See :func:`load_weights`.
        SpoiledCheckpointError: The same.
        UnsafeCheckpointError: The file contains code.
        UnreadableCheckpointError: The file is missing or damaged.
    """
    checkpoint = read_checkpoint(path)
    load_weights(model, checkpoint, path)
    return checkpoint


def load_weights(
    model: nn.Module, checkpoint: Mapping[str, Any], path: str | Path
) -> None:
    """Load a checkpoint's tensors into a model if every one fits.

    Args:
        model: The model to fill.
        checkpoint: Content of the file.
        path: The file, for the error text.

    Raises:
        ForeignCheckpointError: Names or shapes differ, or the order of the
            tasks where it belongs to the weights; the model is untouched.
        SpoiledCheckpointError: See :func:`check_values`.
    """
    state = state_dict_of(checkpoint, path)
    check_task_order(model, state, path)
    found = compare(model, state)
    if not found.is_exact:
        parts = Counter(name.split('.')[0] for name in state)
        listing = ', '.join(f'{k} ({n})' for k, n in parts.most_common(SHOWN))
        hint = ''
        if 'pytorch-lightning_version' in checkpoint:
            hint = (
                'if it is a Lightning checkpoint of the authors, convert it '
                'with tools/model_converters/authors2mmmtl.py; else '
            )
        raise ForeignCheckpointError(
            f'checkpoint {path} is not of this model '
            f'({_kind(model)}): {found.describe()}. '
            f'The file holds {len(state)} tensors: {listing}. '
            f'Fix: {hint}use the config the checkpoint was trained with'
        )
    check_values(model, state, path)
    bare_model(model).load_state_dict(state)


def check_values(
    model: nn.Module, state: Mapping[str, Tensor], path: str | Path
) -> None:
    """Refuse tensors that a model would cast, leave out or be spoiled by.

    A model's own buffer may hold infinities (a mask): then so may the file's.

    Args:
        model: The model, or a part of one.
        state: Tensors by name; those that the model does not have, or has in
            another shape, are not looked at.
        path: The file, for the error text.

    Raises:
        SpoiledCheckpointError: Lists the tensors.
    """
    wrong = [
        f'{name} {problem}'
        for name, own in bare_model(model).state_dict().items()
        if name in state and state[name].shape == own.shape
        if (problem := _problem(state[name], own))
    ]
    if wrong:
        raise SpoiledCheckpointError(
            f'checkpoint {path}: {len(wrong)} tensors hold no weights: '
            f'{_first_few(wrong)}. Fix: take a checkpoint from before the '
            'training diverged, saved as dense floating-point numbers'
        )


def _problem(given: Tensor, own: Tensor) -> str | None:
    if _form(given) != _form(own):
        return f'is {_form(given)}, not {_form(own)}'
    # In the model's type, which may be too small for the value.
    values = given.to(own.dtype)
    if torch.isfinite(values.sum()):  # ten times faster than one by one
        return None
    count = int((~torch.isfinite(values)).sum())
    if count and bool(torch.isfinite(own).all()):
        return f'has {count} of {own.numel()} values not finite'
    return None


def _form(tensor: Tensor) -> str:
    """Name what must agree; one floating-point type may become another."""
    if tensor.is_meta or tensor.layout is not torch.strided:
        return 'without values' if tensor.is_meta else 'sparse'
    kind = 'float' if tensor.is_floating_point() else tensor.dtype
    return str(kind).removeprefix('torch.')


def check_task_order(
    model: nn.Module, state: Mapping[str, Tensor], path: str | Path
) -> None:
    """Refuse weights of the model's tasks in another order."""
    for name, module in bare_model(model).named_modules():
        # A module with weights of its own order says what is in conflict.
        conflict = getattr(module, 'conflict', None)
        problem = conflict and conflict(state, f'{name}.')
        if problem:
            raise ForeignCheckpointError(f'checkpoint {path}: {problem}')


@dataclass(frozen=True)
class Comparison:
    """How the tensors of a checkpoint relate to those of a model.

    Attributes:
        matching: Names that agree in name and shape.
        missing: Names the model has and the checkpoint lacks.
        unexpected: Names the checkpoint has and the model lacks.
        misshapen: ``name: (shape in the file) for (shape in the model)``.
    """

    matching: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every tensor has its counterpart."""
        return not (self.missing or self.unexpected or self.misshapen)

    def describe(self) -> str:
        """Return one line that lists the first few of each difference."""
        kinds = {
            'missing': self.missing,
            'unexpected': self.unexpected,
            'of another shape': self.misshapen,
        }
        parts = [
            f'{len(names)} {kind} ({_first_few(names)})'
            for kind, names in kinds.items()
            if names
        ]
        return f'{len(self.matching)} tensors match, ' + ', '.join(parts)


def compare(model: nn.Module, state: Mapping[str, Tensor]) -> Comparison:
    """Compare names and shapes of a model's tensors with a state dict's."""
    own = bare_model(model).state_dict()
    same = {k for k in own.keys() & state if own[k].shape == state[k].shape}
    return Comparison(
        matching=tuple(name for name in own if name in same),
        missing=tuple(name for name in own if name not in state),
        unexpected=tuple(name for name in state if name not in own),
        misshapen=tuple(
            f'{name}: {tuple(state[name].shape)} for {tuple(own[name].shape)}'
            for name in own
            if name in state and name not in same
        ),
    )


def bare_model(model: nn.Module) -> nn.Module:
    """Return the model inside wrappers: DDP, test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def state_dict_of(
    checkpoint: Mapping[str, Any], path: str | Path
) -> dict[str, Tensor]:
    """Return the named tensors of a checkpoint, without DDP's ``module.``.

    Args:
        checkpoint: Content of the file: tensors by name, or a dict that has
            them under ``state_dict``.
        path: The file, for the error text.
    """
    state = checkpoint.get('state_dict', checkpoint)
    tensors = isinstance(state, Mapping) and all(
        isinstance(value, Tensor) for value in state.values()
    )
    if not tensors or not state:
        raise ForeignCheckpointError(
            f'checkpoint {path} holds no tensors by name at its top or under '
            f"'state_dict'; its keys are: {_first_few(checkpoint)}"
        )
    bare = {re.sub(r'^module\.', '', key): v for key, v in state.items()}
    if len(bare) < len(state):
        twice = [name for name in bare if {name, f'module.{name}'} <= {*state}]
        raise ForeignCheckpointError(
            f'checkpoint {path} holds tensors with and without module. before '
            f'their names: {_first_few(twice)}; remove those that are not of '
            'the model'
        )
    return bare


def _kind(model: nn.Module) -> str:
    """Name the model, and its head where the method shows there."""
    model = bare_model(model)
    head = getattr(model, 'decode_head', None)
    name = type(model).__name__
    return name if head is None else f'{name} with {type(head).__name__}'


def _first_few(names: Iterable[str]) -> str:
    listed = [str(name) for name in names]
    more = [f'and {len(listed) - SHOWN} more'] if len(listed) > SHOWN else []
    return ', '.join(listed[:SHOWN] + more)
