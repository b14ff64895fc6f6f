"""Window attention equals mmsegmentation's, block by block."""

from __future__ import annotations

import pytest
import torch
from mmseg.models.backbones.swin import ShiftWindowMSA

from mmmtl.models.layers.window_attention import (
    WindowAttentionBlock,
    WindowAttentionStage,
)
from mmmtl.models.layers.windows import (
    FORBIDDEN,
    from_windows,
    shift_mask,
    to_windows,
)

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
    torch.nn.init.normal_(own.bias_table)
    swin = ShiftWindowMSA(C, HEADS, window, shift_size=shift).eval()
    swin.w_msa.qkv, swin.w_msa.proj = own.qkv, own.proj
    swin.w_msa.relative_position_bias_table = own.bias_table
    assert torch.equal(swin.w_msa.relative_position_index, own.positions)
    tokens = torch.randn(2, *size, C)
    flat = tokens.flatten(1, 2)
    want = flat + swin(block.norm(flat), size)
    assert torch.allclose(
        block.eval()(tokens), want.view_as(tokens), atol=1e-6
    )


def test_windows_go_and_come_back() -> None:
    feature = torch.arange(2 * 4 * 6).view(2, 4, 6, 1)
    cut = to_windows(feature, 2)
    assert cut.shape == (2, 6, 4, 1)
    assert cut[0, 1, :, 0].tolist() == [2, 3, 8, 9]
    assert torch.equal(from_windows(cut, 2, (4, 6)), feature)


def test_the_mask_parts_the_two_ends_of_a_map() -> None:
    """4 pixels, windows of 2, shift 1: the last window holds both ends."""
    mask = shift_mask((2, 4), 2, 1, torch.device('cpu'))
    assert mask.shape == (2, 4, 4)
    # Rows: one window, its second row is the far end. Columns: the first
    # window is whole, the second one holds two ends.
    low, high = 0.0, FORBIDDEN
    assert mask[0, 0].tolist() == [low, low, high, high]
    assert mask[1, 0].tolist() == [low, high, high, high]


def test_blocks_alternate_and_rates_are_theirs() -> None:
    stage = WindowAttentionStage(
        C, num_heads=HEADS, window_size=7, drop_path_rates=(0.0, 0.1, 0.2)
    )
    assert [block.shift for block in stage.blocks] == [0, 3, 0]
    rates = [block.drop_path.drop_prob for block in stage.blocks]
    assert rates == [0.0, 0.1, 0.2]


def test_positions_are_not_in_a_checkpoint() -> None:
    stage = WindowAttentionStage(
        C, num_heads=HEADS, window_size=7, drop_path_rates=(0.0,)
    )
    assert not [key for key in stage.state_dict() if 'positions' in key]
    # 13 x 13 displacements, drawn from a normal of 0.02 cut at +-2.
    table = stage.blocks[0].attention.bias_table
    assert table.shape == (169, HEADS)
    assert 0.015 < table.std() < 0.025


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(num_heads=4), 'num_heads=4 does not divide channels=6'),
        (dict(num_heads=0), 'num_heads=0'),
        (dict(window_size=0), 'window_size=0: give 1 or more'),
    ],
)
def test_refusals(changes: dict, message: str) -> None:
    arguments = dict(num_heads=3, window_size=7, drop_path_rates=(0.0,))
    with pytest.raises(ValueError, match=message):
        WindowAttentionStage(C, **arguments | changes)
