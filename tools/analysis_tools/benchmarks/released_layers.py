"""What the plain forms of several methods share."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmmtl.engine.errors import UserError
from mmmtl.models.layers.scoped_attention import ScopedAttention


def check_scope(attn_scope: str, batch: int) -> None:
    """Refuse an attention that the released code does not compute.

    Args:
        attn_scope: What the head's attention sees.
        batch: Images per batch.

    Raises:
        UserError: If the released code computes something else.
    """
    if attn_scope == 'tokens':
        raise UserError(
            "attn_scope='tokens' is not what the released code does; "
            "measure 'sample' or 'batch'"
        )
    if batch > 1 and attn_scope != 'batch':
        raise UserError(
            f'--shape: at batch {batch} the released code attends over the '
            'batch; add --cfg-options model.decode_head.attn_scope=batch, or '
            'give a batch of 1'
        )


def to_tokens(feature: Tensor) -> Tensor:
    """Return a map (B, C, h, w) as tokens (B, N, C)."""
    return feature.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, size: Sequence[int]) -> Tensor:
    """Return tokens (B, N, C) as a map (B, C, h, w)."""
    return tokens.transpose(1, 2).unflatten(2, tuple(size))


def multi_head(
    attention: ScopedAttention | nn.MultiheadAttention,
) -> nn.MultiheadAttention:
    """Return PyTorch's attention, sequence first, without dropout.

    It has the very parameters of the one given, so that they get its
    gradients.
    """
    channels = attention.out_proj.in_features
    plain = nn.MultiheadAttention(channels, attention.num_heads)
    plain.in_proj_weight = attention.in_proj_weight
    plain.in_proj_bias = attention.in_proj_bias
    plain.out_proj = attention.out_proj
    return plain
