from __future__ import annotations

import torch

from mmmtl.models.sca_mtl.residual_block import fold_repeats


def test_folding_adds_up_the_columns_of_the_repeated_input() -> None:
    """Columns (X0 X1, A0 A1, X0 X1, B0 B1) of C = 2 and two pairs."""
    for shape in ((1, 8), (1, 8, 1, 1)):  # a linear layer, a convolution
        weight = torch.arange(8.0).view(shape)
        folded = fold_repeats(weight, 2)
        # X: 0 + 4, 1 + 5; then A: 2, 3; then B: 6, 7.
        assert folded.shape == (1, 6, *shape[2:])
        assert folded.flatten().tolist() == [4, 6, 2, 3, 6, 7]
        for pairs in (0, 1):  # nothing is repeated
            assert fold_repeats(weight, pairs) is weight
