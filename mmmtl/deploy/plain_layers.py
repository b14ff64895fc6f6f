"""Layers that need a compiled operator, or many symbols, made plain.

What is computed stays the same.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.backbones.lora import merge_lora
from mmmtl.models.layers.deform_conv import DeformConv

#: Sides that every stride of the usual backbones divides.
STEP = 32
#: Steps of a side, for files of any size. Of the coarsest map one row would be
#: another case for PyTorch.
LEAST, MOST = 2, 128

# Parameters that belong to places: their network knows one grid of windows
# or patches, and what it does at other sizes is no graph of fixed form.
_OF_PLACES = (
    'relative_position_bias_table',
    'pos_embed',
    'absolute_pos_embed',
    'bias.table',
)


def make_plain(model: nn.Module) -> None:
    """Change layers in place so that PyTorch's own operators suffice.

    Args:
        model: Deformable convolutions are sampled by ``grid_sample``, and
            adapters are merged into the weights beside them.
    """
    for layer in model.modules():
        if isinstance(layer, DeformConv):
            layer.backend = 'torch'
    if getattr(model, 'has_lora', False):
        merge_lora(model.backbone)
        model.has_lora = False


def takes_any_size(model: nn.Module) -> bool:
    """Tell whether a graph of the model may serve pictures of any size."""
    return not any(
        name.endswith(_OF_PLACES) for name, _ in model.named_parameters()
    )


def takes_any_number(model: nn.Module) -> bool:
    """Tell whether a graph of the model may serve any number of pictures.

    mmsegmentation's Swin counts the pictures by dividing its windows by those
    of one, in Python: a trace keeps the answer.
    """
    return not any(
        name.endswith('relative_position_bias_table')
        for name, _ in model.named_parameters()
    )


def pad_by_constants(model: nn.Module) -> None:
    """Give convolutions with TensorFlow's padding a constant one, in place.

    timm computes the padding from the size of the map. Where the stride
    divides the size, which holds for pictures of multiples of 32, it is
    ``max(kernel - stride, 0)`` at any size; computed with symbols, it takes
    PyTorch's exporter minutes.

    Args:
        model: Its ``Conv2dSame`` are replaced.
    """
    try:
        from timm.layers.conv2d_same import Conv2dSame
    except ImportError:
        return
    for module in list(model.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, Conv2dSame):
                setattr(module, name, _PaddedConv(layer))


class _PaddedConv(nn.Module):
    """A convolution of a map that its stride divides."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        down, across = (
            max(dilation * (kernel - 1) + 1 - stride, 0)
            for dilation, kernel, stride in zip(
                conv.dilation, conv.kernel_size, conv.stride, strict=True
            )
        )
        self.padding = (
            *(across // 2, across - across // 2),
            *(down // 2, down - down // 2),
        )

    def forward(self, maps: Tensor) -> Tensor:
        conv = self.conv
        return F.conv2d(
            F.pad(maps, self.padding),
            conv.weight,
            conv.bias,
            conv.stride,
            0,
            conv.dilation,
            conv.groups,
        )
