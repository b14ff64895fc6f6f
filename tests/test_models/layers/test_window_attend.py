"""Attention within windows: both ways to compute it, and its bias."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmmtl.models.layers.windows import (
    RelativePositionBias,
    attend,
    relative_position_index,
)

B, G, HEADS, N, D, E = 2, 3, 2, 4, 5, 10


def by_definition(
    query: Tensor, key: Tensor, value: Tensor, added: Tensor
) -> Tensor:
    scores = torch.einsum('bghnd,bghmd->bghnm', query, key) / D**0.5 + added
    weights = scores.exp()
    weights = weights / weights.sum(-1, keepdim=True)
    return torch.einsum('bghnm,bghme->bghne', weights, value)


@pytest.mark.parametrize('masked', [False, True])
def test_both_ways_are_the_definition(masked: bool) -> None:
    """Written out with gradients, PyTorch's own without."""
    draw = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    leaves = [
        random(B, G, HEADS, N, D),
        random(B, G, HEADS, N, D),
        random(B, G, HEADS, N, E),
        random(HEADS, N, N),
    ]
    mask = random(G, N, N) if masked else None
    before = mask.clone() if masked else None
    for leaf in leaves:
        leaf.requires_grad_()
    query, key, value, bias = leaves
    added = bias if mask is None else bias + mask[:, None]
    want = by_definition(query, key, value, added)
    found = attend(query, key, value, bias=bias, mask=mask)
    assert torch.allclose(found, want, rtol=0, atol=1e-12)
    weights = random(*found.shape)
    pairs = zip(
        torch.autograd.grad((found * weights).sum(), leaves),
        torch.autograd.grad((want * weights).sum(), leaves),
        strict=True,
    )
    for ours, theirs in pairs:
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)
    with torch.no_grad():
        alone = attend(query, key, value, bias=bias, mask=mask)
    assert torch.allclose(alone, want, rtol=0, atol=1e-12)
    assert not masked or torch.equal(mask, before)


def test_displacements_of_a_window_of_two() -> None:
    """3x3 displacements, from (-1, -1) in row 0 to (1, 1) in row 8."""
    assert relative_position_index(2).tolist() == [
        [4, 3, 1, 0],
        [5, 4, 2, 1],
        [7, 6, 4, 3],
        [8, 7, 5, 4],
    ]


def test_bias_reads_its_table_and_checkpoints_hold_nothing_else() -> None:
    bias = RelativePositionBias(2, num_heads=2)
    assert list(bias.state_dict()) == ['table']
    found = bias()
    assert found.shape == (2, 4, 4)
    # From the last pixel to the first: one down, one to the right.
    assert torch.equal(found[:, 3, 0], bias.table[8])


def test_bias_starts_small() -> None:
    table = RelativePositionBias(7, num_heads=3).table
    # 13 x 13 displacements, drawn from a normal of 0.02 cut at +-2.
    assert table.shape == (169, 3)
    assert 0.015 < table.std() < 0.025
