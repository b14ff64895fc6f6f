"""Where a label map holds a label: one rule for losses and metrics."""

from __future__ import annotations

import math
from typing import overload

import numpy as np
import torch
from torch import Tensor

from mmmtl.structures.task_spec import TaskSpec


@overload
def valid_mask(label: Tensor, spec: TaskSpec) -> Tensor: ...
@overload
def valid_mask(label: np.ndarray, spec: TaskSpec) -> np.ndarray: ...
def valid_mask(
    label: Tensor | np.ndarray, spec: TaskSpec
) -> Tensor | np.ndarray:
    """Return True where the label map holds a label.

    Convention:
        A pixel without a label holds ``spec.ignore_value`` in all channels:
        255 for classes, edges and saliency, NaN for heat maps, (0, 0, 0) for
        normals. Depth is valid where it is finite and greater than 0, which
        covers its ignore value 0.

    Args:
        label: ``(..., C, H, W)`` label map.
        spec: The task's row.

    Returns:
        Boolean ``(..., 1, H, W)`` of the same library as ``label``.
    """
    axis = -3
    if spec.name == 'depth':
        finite = (
            torch.isfinite(label)
            if isinstance(label, Tensor)
            else np.isfinite(label)
        )
        return finite & (label > 0)
    # NaN is the one value that differs from itself.
    present = (
        label == label
        if math.isnan(spec.ignore_value)
        else label != spec.ignore_value
    )
    if isinstance(present, Tensor):
        return present.any(dim=axis, keepdim=True)
    return present.any(axis=axis, keepdims=True)
