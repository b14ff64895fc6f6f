"""Attention linear in pixels: what it must be whatever its weights."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.sca_mtl.cross_attention import (
    CrossAttention,
    linear_attention,
    softplus_attention,
)

B, C = 2, 6


def build() -> CrossAttention:
    """Return a block whose norms are not the identity."""
    block = CrossAttention(C)
    for norm in block.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.weight, 1.0, 0.2)
            nn.init.normal_(norm.bias, std=0.3)
            norm.running_mean.normal_(std=0.3)
            norm.running_var.uniform_(0.5, 1.5)
    return block.eval()


def maps(height: int, width: int) -> Tensor:
    return torch.randn(B, C, height, width)


def test_equals_the_normalised_products_of_all_pairs() -> None:
    """out_i = sum_j (q_i . k_j) v_j / sum_j (q_i . k_j), pair by pair."""
    query, key, value = (maps(*size) for size in ((3, 4), (2, 5), (2, 5)))
    q, k = (F.softplus(m.double()).flatten(2) for m in (query, key))
    weights = torch.einsum('bci,bcj->bij', q, k)
    weights = weights / weights.sum(-1, keepdim=True)
    want = torch.einsum('bij,bdj->bdi', weights, value.double().flatten(2))
    found = softplus_attention(query, key, value)
    assert found.shape == (B, C, 3, 4)
    assert torch.allclose(found.flatten(2).double(), want, atol=1e-6)


def test_constant_keys_give_the_mean_value() -> None:
    key = torch.randn(B, C, 1, 1).expand(B, C, 4, 5)
    value = maps(4, 5)
    found = softplus_attention(maps(3, 7), key, value)
    want = value.mean((2, 3), keepdim=True).expand_as(found)
    assert torch.allclose(found, want, atol=1e-6)


def test_rows_are_convex() -> None:
    """Weights are positive and add up to 1: all-ones values give ones."""
    query, key = maps(5, 4), maps(3, 3)
    ones = softplus_attention(query, key, torch.ones(B, C, 3, 3))
    assert torch.allclose(ones, torch.ones_like(ones), atol=1e-6)
    value = maps(3, 3)
    found = softplus_attention(query, key, value)
    low, high = value.amin((2, 3)), value.amax((2, 3))
    assert (found >= low[..., None, None] - 1e-6).all()
    assert (found <= high[..., None, None] + 1e-6).all()


def test_permuting_the_source_s_pixels_changes_nothing() -> None:
    block = build().double()
    target, source = maps(4, 6).double(), maps(3, 5).double()
    shuffled = source.flatten(2)[..., torch.randperm(15)].unflatten(2, (3, 5))
    found = block(target, [source, shuffled])
    assert torch.allclose(*found, rtol=0, atol=1e-12)


def test_permuting_the_target_s_pixels_permutes_the_answer() -> None:
    block = build().double()
    target, source = maps(4, 6).double(), maps(3, 5).double()
    order = torch.randperm(24)
    shuffled = target.flatten(2)[..., order].unflatten(2, (4, 6))
    (found,), (moved,) = block(target, [source]), block(shuffled, [source])
    assert torch.allclose(found.flatten(2)[..., order], moved.flatten(2))


def test_one_call_for_several_sources_equals_one_call_each() -> None:
    block = build()
    target, sources = maps(4, 6), [maps(4, 6), maps(2, 3), maps(1, 1)]
    for source, answer in zip(sources, block(target, sources), strict=True):
        assert answer.shape == target.shape
        assert torch.equal(answer, block(target, [source])[0])


def test_keys_that_nobody_looks_at_give_zero_not_nan() -> None:
    """Softplus underflows to exactly 0 far below 0."""
    query = torch.full((1, C, 2, 2), -1e4)
    found = softplus_attention(query, query, torch.ones(1, C, 2, 2))
    assert torch.equal(found, torch.zeros_like(found))


def test_sums_are_wide_under_autocast() -> None:
    """20,000 keys of 300: their products overflow half precision."""
    query = torch.full((1, C, 1, 2), 300.0, dtype=torch.float16)
    key = torch.full((1, C, 100, 200), 300.0, dtype=torch.float16)
    value = torch.full((1, C, 100, 200), 2.5, dtype=torch.float16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = softplus_attention(query, key, value)
    assert found.dtype == torch.float16
    assert torch.allclose(found.float(), torch.tensor(2.5))


def test_double_precision_stays_double() -> None:
    query = maps(2, 2).double()
    assert softplus_attention(query, query, query).dtype == torch.float64
    assert torch.autograd.gradcheck(
        linear_attention,
        [
            torch.rand(1, 2, size, dtype=torch.double, requires_grad=True)
            for size in (3, 4, 4)
        ],
    )


def test_no_matrix_of_all_pairs_is_made() -> None:
    """(N, N) of 40,000 pixels would be 6.4 GB."""
    q = torch.rand(1, 4, 40_000)
    biggest = 0

    def watch(grad: Tensor) -> None:
        nonlocal biggest
        biggest = max(biggest, grad.numel())

    q.requires_grad_()
    found = linear_attention(q, q, q)
    node, todo = found.grad_fn, [found.grad_fn]
    while todo:
        node = todo.pop()
        for saved in ('_saved_self', '_saved_mat2'):
            tensor = getattr(node, saved, None)
            if isinstance(tensor, Tensor):
                watch(tensor)
        todo += [parent for parent, _ in node.next_functions if parent]
    assert 0 < biggest <= 4 * 40_000


@pytest.mark.parametrize('train', [True, False])
def test_every_parameter_has_a_gradient(train: bool) -> None:
    block = build().train(train)
    target, source = maps(4, 6), maps(3, 5)
    sum(answer.square().sum() for answer in block(target, [source])).backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_convolutions_start_xavier_uniform() -> None:
    """Bound sqrt(6 / (C + C)) = 0.25 for 48 channels."""
    block = CrossAttention(48)
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            top = module.weight.abs().max()
            assert 0.24 < top <= 0.25
            assert module.bias is None


@pytest.mark.parametrize('exponent', [-20.0, -60.0])
def test_keys_close_to_zero(exponent: float) -> None:
    """softplus(x) is about e^x: normalisers around 2e-9 C N, and 1e-26 C N.

    The first is above 1e-12, and the mean of the values comes out; the
    second is far below and gives about 0 instead of noise or NaN.
    """
    query, value = torch.full((1, C, 2, 2), 0.5), torch.rand(1, C, 3, 3) + 1
    key = torch.full((1, C, 3, 3), exponent, requires_grad=True)
    found = softplus_attention(query, key, value)
    mean = value.mean((2, 3), keepdim=True).expand_as(found)
    if exponent == -20.0:
        assert torch.allclose(found, mean, rtol=1e-5)
    else:
        # sum of 9 C weights q k over 1e-12: q = softplus(0.5) = 0.974.
        scale = 9 * C * 0.974 * math.exp(exponent) / 1e-12
        assert torch.allclose(found, scale * mean, rtol=1e-3, atol=0.0)
        assert scale < 1e-12
    found.sum().backward()
    assert key.grad.isfinite().all()


def test_all_keys_zero_give_zero() -> None:
    query, value = torch.rand(1, C, 4), torch.rand(1, 2, 9)
    found = linear_attention(query, torch.zeros(1, C, 9), value)
    assert torch.equal(found, torch.zeros(1, 2, 4))
