"""Predictions and labels of the SCA-MTL losses and metrics fixture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmmtl.tasks import get_task

DATA = Path(__file__).parent / 'data'
SPEC = json.loads((DATA / 'sca_losses.json').read_text())
ARRAYS = np.load(DATA / 'sca_losses.npz')
SETS = ('nyud_2task', 'nyud_4task', 'pascal_5task')


def our_name(task: str) -> str:
    return 'saliency' if task == 'sal' else task


def prediction(description: dict) -> Tensor:
    """Draw a prediction from its seed."""
    generator = np.random.RandomState(description['seed'])
    values = generator.standard_normal(tuple(description['shape']))
    values = values.astype(np.float32) * np.float32(description['multiply'])
    return torch.from_numpy(values)


def label(name: str, task: str) -> Tensor:
    """Return a label of the fixture; the authors' 255 becomes our value."""
    array = ARRAYS[name if name in ARRAYS else f'{name}/label/{task}']
    kind = get_task(our_name(task)).kind
    found = torch.from_numpy(array).to(kind.dtype)
    if task in ('depth', 'normals'):
        ignored = (found == 255).any(dim=1, keepdim=True)
        found = found.masked_fill(ignored, kind.no_label)
    return found
