"""Multiply-adds of known operators and of whole stages, by hand."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import deform_conv2d

SHAPE = [1, 3, 32, 40]
DEFAULTS = dict(cfg_options={}, device='cpu')


def test_multiply_adds_of_known_operators(part: Callable) -> None:
    count = part('multiply_adds').count_multiply_adds
    image = torch.randn(1, 4, 5, 6, requires_grad=True)
    filters = torch.randn(3, 4, 1, 1, requires_grad=True)
    offsets = torch.randn(1, 8, 5, 6, requires_grad=True)
    tokens = torch.randn(1, 2, 7, 4, requires_grad=True)
    attention = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    sequence = torch.randn(1, 7, 8)
    with torch.no_grad():
        # 5 x 6 places, 3 x 4 products each.
        assert count(lambda: F.conv2d(image, filters)) == 360
        assert count(lambda: deform_conv2d(image, offsets, filters)) == 360
        # Scores and mixing: 2 heads, 7 x 7 pairs, 4 products.
        assert (
            count(
                lambda: F.scaled_dot_product_attention(tokens, tokens, tokens)
            )
            == 2 * 2 * 7 * 7 * 4
        )
        # Four projections of 7 tokens, then the same with width 8.
        assert count(lambda: attention(sequence, sequence, sequence)) == (
            4 * 7 * 8 * 8 + 2 * 7 * 7 * 8
        )
    # A product has two factors, so two gradients; attention makes its scores
    # anew: two products forward, five backward.
    assert count(lambda: F.conv2d(image, filters).sum().backward()) == 3 * 360
    assert (
        count(lambda: deform_conv2d(image, offsets, filters).sum().backward())
        == 3 * 360
    )
    assert (
        count(
            lambda: (
                F.scaled_dot_product_attention(tokens, tokens, tokens)
                .sum()
                .backward()
            )
        )
        == 7 * 2 * 7 * 7 * 4
    )


def test_counting_leaves_the_fused_attention_as_it_was(part: Callable) -> None:
    count = part('multiply_adds').count_multiply_adds
    seen = []
    count(lambda: seen.append(torch.backends.mha.get_fastpath_enabled()))
    assert seen == [False]
    assert torch.backends.mha.get_fastpath_enabled()


def test_multiply_adds_of_mqtransformer_by_hand(
    part: Callable, write_tiny: Callable
) -> None:
    """Four tasks, features 8x10 = 80 pixels, width 16, 2 heads, 6 queries.

    The levels have 8, 16, 32, 64 channels, 120 in all, and 80, 20, 6, 2
    pixels. A product of one token with a 16 x 16 matrix is 256.
    """
    args = Namespace(
        config=str(write_tiny('MQTransformer')), shape=SHAPE, **DEFAULTS
    )

    def count(stage: str, form: str) -> int:
        case = part('operators').build(args, form, stage, 'forward')
        return part('multiply_adds').count_multiply_adds(case)

    # One Linear of 120 to 16 at 80 pixels; 2 x 3 patches of 4 x 4.
    assert count('project', 'plain') == 4 * (80 * 120 * 16 + 6 * 16 * 256)
    # Each level at its own size.
    levels = 80 * 8 + 20 * 16 + 6 * 32 + 2 * 64
    assert count('project', 'ours') == 4 * levels * 16
    # Queries in, keys and values of all pixels, scores and mixing, output,
    # reasoning and the two layers at the end.
    encode = 6 * 256 + 2 * 80 * 256 + 2 * 6 * 80 * 16 + (1 + 1 + 2) * 6 * 256
    assert count('encode', 'plain') == 4 * encode
    # 24 queries of all tasks: query, key, value, scores and mixing, output,
    # two layers.
    exchange = 3 * 24 * 256 + 2 * 24 * 24 * 16 + (1 + 2) * 24 * 256
    assert count('exchange', 'plain') == exchange
    assert count('exchange', 'ours') == exchange
    # Cross attention; then per pixel an attention over one image (query, key,
    # value, one score, output); twice two layers of 3 times the width.
    cross = 80 * 256 + 2 * 6 * 256 + 2 * 80 * 6 * 16 + 80 * 256
    own = 3 * 80 * 256 + 2 * 80 * 16 + 80 * 256
    decode = cross + own + 2 * 2 * 80 * 3 * 256
    assert count('decode', 'plain') == 4 * decode
    # 3x3 to 8 channels for each task; then 5 + 1 + 3 + 1 channels.
    output = 4 * 80 * 9 * 16 * 8 + 80 * 8 * 10
    assert count('output', 'plain') == output
    assert count('output', 'ours') == output
    backbone = count('backbone', 'plain')
    assert count('whole', 'plain') == backbone + exchange + output + 4 * (
        80 * 120 * 16 + 6 * 16 * 256 + encode + decode
    )
    for stage in ('encode', 'decode', 'whole'):
        assert count(stage, 'ours') < count(stage, 'plain')


@pytest.mark.parametrize('direction', ['forward', 'forward+backward'])
def test_forms_that_are_alike_have_the_same_multiply_adds(
    part: Callable, write_tiny: Callable, direction: str
) -> None:
    args = Namespace(config=str(write_tiny('DeMT')), shape=SHAPE, **DEFAULTS)
    for stage in ('backbone', 'decode', 'mix'):
        counts = [
            part('multiply_adds').count_multiply_adds(
                part('operators').build(args, form, stage, direction)
            )
            for form in ('ours', 'plain')
        ]
        assert counts[0] == counts[1] > 0, stage
