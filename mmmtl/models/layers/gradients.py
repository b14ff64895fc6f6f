"""What is done to gradients on their way back."""

from __future__ import annotations

from collections.abc import Sequence

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


def weigh_gradient(maps: Tensor, weights: Sequence[float]) -> Tensor:
    """Return the maps, and multiply each sample's gradient by its weight.

    A loss that is a mean over the pixels of a batch gets the gradient of
    ``sum_i w_i sum_(pixels of i) / number of pixels``; its value stays. So
    it also serves losses that are no mean, and a loss weighting that looks
    at values does not undo the weights.

    Args:
        maps: ``(B, C, h, w)``.
        weights: Factors of the ``B`` samples.

    Returns:
        The same tensor if all are 1, else an equal one.
    """
    if not maps.requires_grad or all(weight == 1 for weight in weights):
        return maps
    factors = maps.new_tensor(weights).view(-1, 1, 1, 1)
    # A view: nobody else who reads the maps gets a weighted gradient.
    maps = maps.view_as(maps)
    maps.register_hook(lambda gradient: gradient * factors)
    return maps
