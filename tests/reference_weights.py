"""Weights that follow from their names, for comparison with released code.

A fixture under ``tests/data`` lists names, shapes and a rule per tensor. The
values come from numpy's frozen legacy generator, seeded with the CRC-32 of
the name, so that no weights need to be stored.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

DATA = Path(__file__).parent / 'data'


def load_fixture(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Return the description and the expected arrays of a fixture."""
    spec = json.loads((DATA / f'{name}.json').read_text())
    with np.load(DATA / f'{name}.npz') as arrays:
        return spec, dict(arrays)


def reference_state_dict(spec: dict) -> dict[str, Tensor]:
    """Return the tensors of a fixture under the released code's names."""
    return {
        key: _tensor(key, tuple(shape), spec['rules'][rule])
        for key, shape, rule in spec['tensors']
    }


def reference_input(spec: dict) -> Tensor:
    """Return the normalised image batch of a fixture."""
    generator = np.random.RandomState(spec['input']['seed'])
    values = generator.standard_normal(tuple(spec['input']['shape']))
    return torch.from_numpy(values.astype(np.float32))


def released_sign(key: str) -> int:
    """Return the sign with which our output equals a released one.

    Released networks of these families predict normals as the archives store
    them (x left, y up, z towards the camera). The converters negate the
    layers that output them, so that ours come out in our frame: -1. All else
    is compared as it is.

    Args:
        key: Name of an output, e.g. ``'out/normals'``.
    """
    return -1 if key.endswith('/normals') else 1


def _tensor(key: str, shape: tuple[int, ...], rule: dict) -> Tensor:
    role = rule['role']
    if role == 'zeros':
        return torch.zeros(shape, dtype=torch.int64)
    if role == 'relative_position_index':
        return _relative_position_index(rule['window'])
    if role == 'cycle_offset':
        # Stored by the released code, read by nobody: any values will do.
        return torch.zeros(shape)
    generator = np.random.RandomState(zlib.crc32(key.encode()))
    if role == 'uniform':
        span = rule['high'] - rule['low']
        values = rule['low'] + span * generator.random_sample(shape)
    else:
        scale = rule.get('std')
        if role == 'fan_in':
            scale = rule['gain'] / np.sqrt(float(np.prod(shape[1:])))
        values = generator.standard_normal(shape) * scale
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def _relative_position_index(window: int) -> Tensor:
    place = torch.arange(window * window)
    row, column = place // window, place % window
    down = row[:, None] - row + window - 1
    right = column[:, None] - column + window - 1
    return down * (2 * window - 1) + right
