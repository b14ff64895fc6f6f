"""Reading a feature map at displaced positions, in plain PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def sample_taps(
    x: Tensor,
    offset: Tensor,
    *,
    kernel: tuple[int, int],
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
    kernel: tuple[int, int],
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
