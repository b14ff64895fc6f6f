"""Deformable convolution: one layer, three interchangeable back ends.

Paper: Dai et al., "Deformable Convolutional Networks", ICCV 2017. Own code;
the zero rule outside the map is the one of torchvision and mmcv.

Which back end is faster depends on the case, so ``auto`` is a fixed rule,
`choose_backend`, whose figures are in docs/benchmarks.md.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from mmmtl.models.argument_checks import check_choice
from mmmtl.models.layers.deform_backends import (
    Geometry,
    mmcv_problem,
    run_mmcv,
    run_torch,
    run_torchvision,
    torchvision_problem,
)

Backend = Literal['auto', 'mmcv', 'torchvision', 'torch']
Size2 = int | tuple[int, int]

_RUN = {
    'mmcv': run_mmcv,
    'torchvision': run_torchvision,
    'torch': run_torch,
}
_PROBLEM = {
    'mmcv': mmcv_problem,
    'torchvision': torchvision_problem,
    'torch': lambda device: None,
}


class DeformConv(nn.Module):
    """Convolution whose taps are displaced by an offset per output pixel.

    Parameters start as those of `torch.nn.Conv2d`. There is no modulation
    mask (this is the first version of deformable convolution).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Height and width of the kernel.
        stride: Step of the kernel, in input pixels.
        padding: Zeros assumed around the input, in pixels.
        dilation: Distance of the kernel's taps, in pixels.
        groups: Blocks of channels convolved apart from one another.
        offset_groups: Blocks of input channels with an offset of their own;
            ``in_channels`` of them move every channel by itself.
        bias: Whether a bias is added.
        backend: What computes it; ``auto`` follows `choose_backend`.

    Raises:
        ValueError: If the back end is unknown or not installed.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        out_channels: int,
        kernel_size: Size2,
        stride: Size2 = 1,
        padding: Size2 = 0,
        dilation: Size2 = 1,
        groups: int = 1,
        offset_groups: int = 1,
        bias: bool = True,
        backend: Backend = 'auto',
    ) -> None:
        super().__init__()
        _check_backend(backend, torch.device('cpu'))
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = _pair(padding)
        self.dilation = _pair(dilation)
        self.groups = groups
        self.offset_groups = offset_groups
        self.backend = backend
        self.weight = nn.Parameter(
            torch.empty(out_channels, in_channels // groups, *self.kernel_size)
        )
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    @property
    def offset_channels(self) -> int:
        """Channels that the offset must have: two per group and tap."""
        return 2 * self.offset_groups * math.prod(self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw weight and bias as `torch.nn.Conv2d` does."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor, offset: Tensor) -> Tensor:
        """Return the convolution (B, out_channels, h, w).

        Args:
            x: Feature map (B, in_channels, H, W).
            offset: Displacements (B, offset_channels, h, w), in pixels of
                ``x``; see `deform_conv` for their order.
        """
        return deform_conv(
            x,
            offset,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            backend=self.backend,
        )

    def extra_repr(self) -> str:
        """Return the configuration, for ``print(model)``."""
        out_channels, in_channels = self.weight.shape[:2]
        return (
            f'{in_channels * self.groups}, out_channels={out_channels}, '
            f'kernel_size={self.kernel_size}, stride={self.stride}, '
            f'padding={self.padding}, dilation={self.dilation}, '
            f'groups={self.groups}, offset_groups={self.offset_groups}, '
            f'bias={self.bias is not None}, backend={self.backend!r}'
        )


def deform_conv(
    x: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Size2 = 1,
    padding: Size2 = 0,
    dilation: Size2 = 1,
    groups: int = 1,
    backend: Backend = 'auto',
) -> Tensor:
    """Convolve at displaced positions.

    Convention:
        The offset's channels are ordered offset group, kernel tap (row by
        row), (dy, dx); a positive dy looks further down. A position is read
        bilinearly from its four neighbours, those outside the map counting
        as zero: nothing is read at y <= -1, y >= H, x <= -1, x >= W.

    Positions are computed in float32 at least, also under autocast; the
    result has the dtype that `torch.nn.functional.conv2d` would give.

    Args:
        x: Feature map (B, Cin, H, W).
        offset: Displacements (B, 2 G kh kw, h, w), in pixels of ``x``, where
            G, the number of offset groups, divides Cin.
        weight: Kernel (Cout, Cin / groups, kh, kw).
        bias: Added per output channel (Cout), or None.
        stride: Step of the kernel, in input pixels.
        padding: Zeros assumed around the input, in pixels.
        dilation: Distance of the kernel's taps, in pixels.
        groups: Blocks of channels convolved apart from one another.
        backend: What computes it; ``auto`` follows `choose_backend`.

    Returns:
        The convolution (B, Cout, h, w).

    Raises:
        ValueError: If the back end is unknown or does not work here.
    """
    geometry = Geometry(
        kernel=tuple(weight.shape[2:]),
        stride=_pair(stride),
        padding=_pair(padding),
        dilation=_pair(dilation),
        groups=groups,
    )
    _check_backend(backend, x.device)
    if backend == 'auto':
        backend = choose_backend(
            x.shape[1],
            kernel=geometry.kernel,
            offset_groups=geometry.offset_groups(offset),
            device=x.device,
        )
    return _RUN[backend](x, offset, weight, bias, geometry)


def choose_backend(
    in_channels: int,
    *,
    kernel: tuple[int, ...],
    offset_groups: int,
    device: torch.device,
) -> Backend:
    """Return the back end that ``auto`` stands for.

    A fixed rule: on the CPU, a 1x1 kernel that moves every channel by itself
    (DeMT) is one bilinear look-up per channel and a matrix product, which
    PyTorch does 5 to 12 times faster than the compiled operators
    (docs/benchmarks.md). Everything else goes to mmcv where its operators
    are compiled, then to torchvision, then to PyTorch, which is fast for
    larger kernels too but keeps a copy of the input per tap. On the GPU the
    rule is not measured yet.

    Args:
        in_channels: Channels of the input.
        kernel: Height and width of the kernel.
        offset_groups: Blocks of input channels with an offset of their own.
        device: Where the tensors are.
    """
    per_channel = kernel == (1, 1) and offset_groups == in_channels
    if per_channel and device.type == 'cpu':
        return 'torch'
    if mmcv_problem(device) is None:
        return 'mmcv'
    if torchvision_problem(device) is None:
        return 'torchvision'
    return 'torch'


def _check_backend(backend: str, device: torch.device) -> None:
    """Refuse a back end that is unknown or does not work on the device."""
    check_choice(Backend, backend=backend)
    if backend == 'auto':
        return
    problem = _PROBLEM[backend](device)
    if problem is not None:
        raise ValueError(
            f'backend {backend!r} does not work here: {problem}, or use '
            "backend='auto'"
        )
