"""Makes converted networks predict normals in our frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor


def turn_normals(
    tensors: Mapping[str, Tensor], layers: Iterable[str]
) -> dict[str, Tensor]:
    """Negate the layers that output normals.

    Convention:
        Released networks of the ATRC and MTI-Net families learnt normals as
        the archives of NYUD and PASCAL store them, the negation of our frame
        (:mod:`mmmtl.datasets.stored_normals`). Their last layer of normals
        is linear, so that the negated weight and bias give the negated
        vector, exactly. Nothing else changes: no further layer reads these
        outputs.

    Args:
        tensors: Tensors under our names.
        layers: Names of the layers; one that is not there is passed over,
            as in a file without normals.

    Returns:
        All tensors, in the same order.
    """
    turned = {
        f'{layer}.{end}' for layer in layers for end in ('weight', 'bias')
    }
    return {
        name: -tensor if name in turned else tensor
        for name, tensor in tensors.items()
    }
