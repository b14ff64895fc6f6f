"""From a Swin under its authors' names to mmseg's.

Source layout: microsoft/Swin-Transformer; several released codes kept it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from mmmtl.converters.key_rules import AFFINE, Rule

_BLOCK = r'backbone\.layers\.(\d)\.blocks\.(\d+)\.'
_OURS = r'backbone.stages.\1.blocks.\2.'
_MERGING = re.compile(
    r'backbone\.stages\.\d\.downsample\.(norm|reduction)\.(weight|bias)'
)

#: For keys under ``backbone.``.
SWIN_RULES: tuple[Rule, ...] = (
    (
        rf'backbone\.patch_embed\.proj\.{AFFINE}',
        r'backbone.patch_embed.projection.\1',
    ),
    (rf'(backbone\.patch_embed\.norm\.{AFFINE})', r'\1'),
    (rf'{_BLOCK}(norm[12]\.{AFFINE})', rf'{_OURS}\3'),
    (
        rf'{_BLOCK}attn\.(relative_position_(bias_table|index))',
        rf'{_OURS}attn.w_msa.\3',
    ),
    (rf'{_BLOCK}attn\.((qkv|proj)\.{AFFINE})', rf'{_OURS}attn.w_msa.\3'),
    (rf'{_BLOCK}mlp\.fc1\.{AFFINE}', rf'{_OURS}ffn.layers.0.0.\3'),
    (rf'{_BLOCK}mlp\.fc2\.{AFFINE}', rf'{_OURS}ffn.layers.1.\3'),
    (
        rf'backbone\.layers\.(\d)\.(downsample\.norm\.{AFFINE})',
        r'backbone.stages.\1.\2',
    ),
    (
        r'backbone\.layers\.(\d)\.(downsample\.reduction\.weight)',
        r'backbone.stages.\1.\2',
    ),
    (rf'(backbone\.norm[0-3]\.{AFFINE})', r'\1'),
)


def reorder_merging(renamed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Reorder the inputs of the layers that merge four patches into one.

    The authors put the four neighbours one after the other, in the order
    (row, column) = (0, 0), (1, 0), (0, 1), (1, 1); mmseg takes them from
    ``nn.Unfold``: row by row, and interleaved channel by channel.

    Args:
        renamed: Tensors under mmseg's names.

    Returns:
        The same names; the columns of every merging's norm and reduction in
        mmseg's order.
    """
    return {
        name: _interleave(tensor) if _MERGING.fullmatch(name) else tensor
        for name, tensor in renamed.items()
    }


def _interleave(tensor: Tensor) -> Tensor:
    by_neighbour = tensor.unflatten(-1, (4, -1))[..., [0, 2, 1, 3], :]
    return by_neighbour.transpose(-1, -2).flatten(-2)
