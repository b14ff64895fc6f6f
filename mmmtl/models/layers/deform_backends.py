"""The three implementations behind `deform_conv`, called alike.

Each ``run_*`` computes the convolution; each ``*_problem`` says why a back
end does not work on a device, with the fix, or returns None.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# mmcv unfolds this many images at once, its own default.
_MMCV_STEP = 32


@dataclass(frozen=True)
class Geometry:
    """What a convolution is besides its weights; pairs are (down, right)."""

    kernel: tuple[int, ...]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    def offset_groups(self, offset: Tensor) -> int:
        """Return the number of offset groups that an offset holds."""
        return offset.shape[1] // (2 * self.kernel[0] * self.kernel[1])

    def output_size(self, x: Tensor) -> tuple[int, int]:
        """Return height and width of the result."""
        height, width = (
            (x.shape[2 + i] + 2 * self.padding[i] - self._extent(i))
            // self.stride[i]
            + 1
            for i in range(2)
        )
        return height, width

    def _extent(self, axis: int) -> int:
        """Return the pixels that the kernel spans along an axis."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1


def run_torch(
    x: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Sample all taps with `grid_sample`, then one 1x1 convolution."""
    dtype = _position_dtype(x)
    with torch.autocast(x.device.type, enabled=False):
        taps = sample_taps(
            x.to(dtype),
            offset.to(dtype),
            kernel=geometry.kernel,
            stride=geometry.stride,
            padding=geometry.padding,
            dilation=geometry.dilation,
        )
    # Outside the block above: the product may run in autocast's dtype.
    flat = weight.flatten(1)[:, :, None, None]
    return F.conv2d(taps.to(x.dtype), flat, bias, groups=geometry.groups)


def sample_taps(
    x: Tensor,
    offset: Tensor,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Tensor:
    """Read every channel at every tap of a deformable kernel.

    Convention:
        As `deform_conv`: offsets are ordered group, tap, (dy, dx); outside
        the map there are zeros.

    Args:
        x: Feature map (B, C, H, W), float32 or float64.
        offset: Displacements (B, 2 G kh kw, h, w) in pixels, dtype of ``x``.
        kernel: Height and width kh, kw.
        stride: Step of the kernel, in pixels, down and right.
        padding: Zeros assumed around the map, in pixels.
        dilation: Distance of the taps, in pixels.

    Returns:
        The values (B, C kh kw, h, w), channel first, then tap: what a 1x1
        convolution with the flattened kernel completes.
    """
    batch, channels, height, width = x.shape
    h, w = offset.shape[2:]
    taps = kernel[0] * kernel[1]
    groups = offset.shape[1] // (2 * taps)
    # Made where the map lies: copying from the CPU at every call would make
    # an accelerator wait.
    exact = dict(dtype=torch.float64, device=x.device)
    scale = (2 / torch.tensor([height, width], **exact)).view(2, 1, 1)
    rest = _rest_positions((h, w), kernel, stride, padding, dilation, exact)
    # grid_sample counts from -1 to 1 over the map's outer edges. The place
    # at rest is rounded once from float64: the round-off stays that of a
    # position in pixels in float32 (some 1e-5 pixel on a map of 140).
    grid = torch.addcmul(
        ((rest + 0.5) * scale - 1).to(x),  # (taps, 2, h, w)
        offset.reshape(batch * groups, taps, 2, h, w),
        scale.to(x),
    )
    # grid_sample wants (x, y) in the last axis. Transposing the map makes
    # that (dy, dx), so that the offsets are used where they lie: for one tap
    # all of this is views, half the time of building the usual grid.
    grid = grid.permute(0, 1, 3, 4, 2).reshape(batch * groups, taps * h, w, 2)
    planes = x.reshape(batch * groups, channels // groups, height, width)
    values = F.grid_sample(
        planes.transpose(2, 3),
        grid,
        mode='bilinear',
        padding_mode='zeros',
        align_corners=False,  # also right for a map one pixel high or wide
    )  # (B G, C / G, taps h, w)
    return values.reshape(batch, channels * taps, h, w)


def _rest_positions(
    size: tuple[int, int],
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    kind: dict[str, Any],
) -> Tensor:
    """Return where the taps lie at zero offset, in pixels.

    Returns:
        Rows and columns (kh kw, 2, h, w), made as ``kind`` says.
    """
    rows, columns = (
        torch.arange(kernel[i], **kind)[:, None] * dilation[i]
        + torch.arange(size[i], **kind) * stride[i]
        - padding[i]
        for i in range(2)
    )  # (kh, h), (kw, w)
    shape = (kernel[0], kernel[1], size[0], size[1])
    return torch.stack(
        [
            rows[:, None, :, None].expand(shape),
            columns[None, :, None, :].expand(shape),
        ],
        dim=2,
    ).flatten(0, 1)


def run_torchvision(
    x: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Call torchvision's compiled operator."""
    from torchvision.ops import deform_conv2d

    dtype = _position_dtype(x)
    with torch.autocast(x.device.type, enabled=False):
        out = deform_conv2d(
            x.to(dtype),
            offset.to(dtype),
            weight.to(dtype),
            None if bias is None else bias.to(dtype),
            stride=geometry.stride,
            padding=geometry.padding,
            dilation=geometry.dilation,
        )
    return out.to(_result_dtype(x))


def run_mmcv(
    x: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Call mmcv's compiled operator, which knows no bias."""
    from mmcv.ops import deform_conv2d

    dtype = _position_dtype(x)
    result_dtype = _result_dtype(x)
    h, w = offset.shape[2:]
    x, offset = _grow_to_kernel(x, offset, geometry)
    with torch.autocast(x.device.type, enabled=False):
        # mmcv demands that its step divides the batch.
        step = max(n for n in range(1, _MMCV_STEP + 1) if len(x) % n == 0)
        out = deform_conv2d(
            x.to(dtype).contiguous(),
            offset.to(dtype).contiguous(),
            weight.to(dtype).contiguous(),
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            geometry.groups,
            geometry.offset_groups(offset),
            False,
            step,
        )[..., :h, :w]
        if bias is not None:
            out = out + bias.to(dtype)[:, None, None]
    return out.to(result_dtype)


def _grow_to_kernel(
    x: Tensor, offset: Tensor, geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """Append rows and columns to a map that is smaller than the kernel.

    mmcv refuses such a map. Zeros below and to the right are what a position
    there reads anyway; the output they add is cut off by the caller.
    """
    rows, columns = (
        max(geometry.kernel[i] - x.shape[2 + i], 0) for i in range(2)
    )
    if not rows and not columns:
        return x, offset
    x = F.pad(x, (0, columns, 0, rows))
    h, w = geometry.output_size(x)
    missing = (0, w - offset.shape[3], 0, h - offset.shape[2])
    return x, F.pad(offset, missing)


@functools.cache
def mmcv_problem(device: torch.device) -> str | None:
    """Return why mmcv's operator cannot be used on a device, and the fix."""
    try:
        from mmcv.ops import deform_conv2d, get_compiling_cuda_version
    except ImportError as error:
        return (
            f'mmcv has no compiled operators ({error}); install an mmcv '
            'wheel with them or build mmcv with MMCV_WITH_OPS=1'
        )
    del deform_conv2d
    compiled = get_compiling_cuda_version() != 'not available'
    if device.type == 'cpu' or (device.type == 'cuda' and compiled):
        return None
    return (
        f'mmcv was compiled without operators for {device.type!r}; build it '
        'there with MMCV_WITH_OPS=1 FORCE_CUDA=1'
    )


@functools.cache
def torchvision_problem(device: torch.device) -> str | None:
    """Return why torchvision cannot be used on a device, and the fix."""
    try:
        import torchvision

        cuda = torch.ops.torchvision._cuda_version()
    except (ImportError, AttributeError, RuntimeError) as error:
        return (
            f'torchvision or its operators are missing ({error}); install '
            f'the torchvision that belongs to torch {torch.__version__}'
        )
    del torchvision
    if device.type == 'cpu' or (device.type == 'cuda' and cuda != -1):
        return None
    return (
        f'torchvision was built without operators for {device.type!r}; '
        'install a build that has them'
    )


def _position_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype of positions: half precision would miss by pixels."""
    return torch.promote_types(x.dtype, torch.float32)


def _result_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype that `F.conv2d` would give here."""
    kind = x.device.type
    if torch.is_autocast_enabled(kind) and x.dtype != torch.float64:
        return torch.get_autocast_dtype(kind)
    return x.dtype
