from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmmtl.models.mqtransformer.query_attention import (
    QueryAttention,
    standardise,
)
from tests.reference.mqtransformer import attend, attention_weights

B, Q, N, C, HEADS = 2, 3, 7, 8, 2


def build(heads: int = HEADS) -> QueryAttention:
    layer = QueryAttention(C, num_heads=heads)
    for parameter in layer.parameters():  # ones and zeros would hide mistakes
        nn.init.normal_(parameter, std=0.5)
    return layer.double()


def tokens(count: int) -> Tensor:
    return 2 * torch.randn(B, count, C, dtype=torch.float64) + 0.5


@pytest.mark.parametrize('heads', [1, 2, 4])
def test_gather_is_attention_of_queries_over_pixels(heads: int) -> None:
    layer, queries, pixels = build(heads), tokens(Q), tokens(N)
    want = attend(layer, queries, pixels, pixels)
    weights = attention_weights(layer, queries, pixels)
    standard = standardise(pixels)
    assert torch.allclose(
        layer.queries_read(queries, standard), want, atol=1e-9
    )
    found = layer.reading_weights(queries, standard)
    assert torch.allclose(found, weights, atol=1e-9)


@pytest.mark.parametrize('heads', [1, 2, 4])
def test_scatter_is_attention_of_pixels_over_queries(heads: int) -> None:
    layer, queries, pixels, onto = (
        build(heads),
        tokens(Q),
        tokens(N),
        tokens(N),
    )
    positions = torch.randn(Q, C, dtype=torch.float64)
    want = attend(layer, pixels, queries + positions, queries)
    found = layer.pixels_read(
        standardise(pixels),
        queries,
        positions,
        onto=onto,
        drop_path=nn.Identity(),
    )
    assert torch.allclose(found, onto + want, atol=1e-9)


def test_drop_path_takes_what_was_read_and_leaves_the_feature() -> None:
    layer, onto = build(), tokens(N)

    def keep_second_image(values: Tensor) -> Tensor:
        return values * torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)

    arguments = (standardise(tokens(N)), tokens(Q), torch.zeros(Q, C).double())
    dropped = layer.pixels_read(
        *arguments, onto=onto, drop_path=keep_second_image
    )
    whole = layer.pixels_read(*arguments, onto=onto, drop_path=nn.Identity())
    assert torch.allclose(dropped[0], onto[0], atol=1e-12)
    assert torch.allclose(dropped[1], whole[1], atol=1e-12)
    assert not torch.allclose(whole[0], onto[0], atol=1e-3)


def test_the_key_norm_s_shift_has_a_gradient_and_no_effect() -> None:
    """DDP waits for every parameter; the softmax does not see this one."""
    layer, queries, pixels = build(), tokens(Q), standardise(tokens(N))
    before = layer.queries_read(queries, pixels)
    before.square().sum().backward()
    assert layer.norm_k.bias.grad.tolist() == [0.0] * C
    assert layer.norm_k.weight.grad.abs().max() > 0
    with torch.no_grad():
        layer.norm_k.bias += 1
        assert torch.allclose(layer.queries_read(queries, pixels), before)


def test_standardise_is_a_layer_norm_without_parameters() -> None:
    found = standardise(tokens(N))
    assert found.mean(-1).abs().max() < 1e-12
    assert torch.allclose(
        found.var(-1, correction=0), torch.ones(B, N).double(), atol=1e-4
    )
