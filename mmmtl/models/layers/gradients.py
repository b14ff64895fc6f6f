"""Right gradients where maps are read as tokens."""

from __future__ import annotations

from torch import Tensor


def contiguous_gradient(maps: Tensor) -> Tensor:
    """Give a map back whose gradient will arrive contiguous.

    To be called on every map that a norm may have made, right before its
    pixels become tokens. The gradient of a map read as tokens lies pixel
    after pixel, and with a single image its batch stride is arbitrary, for
    PyTorch may give an axis of length one any stride. The CPU kernel of
    BatchNorm's backward pass, and that of InstanceNorm, takes such a gradient
    for one that lies channel after channel: the gradients of everything before
    the norm are wrong, silently. Seen with PyTorch 2.13;
    ``tests/test_models/test_gradients.py`` says when the kernel is right and
    this function may go.

    The forward pass costs nothing; the backward pass copies a gradient that
    is not contiguous, which the norm would do otherwise.

    Args:
        maps: ``(B, C, h, w)``.

    Returns:
        The same tensor.
    """
    # A leaf has no norm before it, and would keep a hook of every call.
    if maps.requires_grad and not maps.is_leaf:
        maps.register_hook(Tensor.contiguous)
    return maps
