"""A workaround for wrong gradients where maps are read as tokens."""

from __future__ import annotations

from torch import Tensor


def contiguous_gradient(maps: Tensor) -> Tensor:
    """Return the map, and make its gradient contiguous when it arrives.

    Call it on every map that a norm may have made, right before its pixels
    become tokens. The gradient of a map read as tokens is stored pixel after
    pixel. With a single image its batch stride is arbitrary, because PyTorch
    may give an axis of length one any stride. The CPU kernels of the backward
    passes of BatchNorm and InstanceNorm then read the gradient as if it were
    stored channel after channel: the gradients of everything before the norm
    are wrong, silently. Seen with PyTorch 2.13. A test in
    ``tests/test_models/test_gradients.py`` passes once the kernels are right;
    then this function may go.

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
