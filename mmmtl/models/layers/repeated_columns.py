"""Applying a linear map to an input that repeats itself, without repeats."""

from __future__ import annotations

import torch
from torch import Tensor


def fold_repeats(weight: Tensor, pairs: int) -> Tensor:
    """Make a weight for (X, A1, X, A2, ...) fit (X, A1, A2, ...).

    Args:
        weight: ``(D, 2 C pairs, ...)``, of a linear layer or a convolution;
            without pairs it is returned as it is.
        pairs: Number of pairs.

    Returns:
        ``(D, C (1 + pairs), ...)``; the columns of X are added up.
    """
    if pairs < 2:
        return weight
    own, other = weight.unflatten(1, (pairs, 2, -1)).unbind(2)
    return torch.cat([own.sum(1), other.flatten(1, 2)], dim=1)
