"""Window attention equals mmsegmentation's, block by block."""

from __future__ import annotations

import pytest
import torch

from mmmtl.models.sca_mtl.window_self_attention import (
    WindowAttentionBlock,
    WindowAttentionStage,
)
from tests.reference.sca_mtl import swin_attentions

C, HEADS = 6, 3


@pytest.mark.parametrize('window', [3, 7])
@pytest.mark.parametrize('shifted', [False, True])
# Multiples of the window, none of it, smaller than it.
@pytest.mark.parametrize('size', [(7, 14), (9, 12), (13, 10), (2, 3), (1, 1)])
def test_equals_swin(window: int, shifted: bool, size: tuple) -> None:
    shift = window // 2 if shifted else 0
    block = WindowAttentionBlock(
        C, num_heads=HEADS, window_size=window, shift=shift, drop_path_rate=0.0
    )
    own = block.attention
    torch.nn.init.normal_(own.bias.table)
    swin = swin_attentions(block.eval())[block]
    assert torch.equal(swin.w_msa.relative_position_index, own.bias.index)
    tokens = torch.randn(2, *size, C)
    flat = tokens.flatten(1, 2)
    want = flat + swin(block.norm(flat), size)
    assert torch.allclose(block(tokens), want.view_as(tokens), atol=1e-6)


def test_blocks_alternate_and_rates_are_theirs() -> None:
    stage = WindowAttentionStage(
        C, num_heads=HEADS, window_size=7, drop_path_rates=(0.0, 0.1, 0.2)
    )
    assert [block.shift for block in stage.blocks] == [0, 3, 0]
    rates = [block.drop_path.drop_prob for block in stage.blocks]
    assert rates == [0.0, 0.1, 0.2]
