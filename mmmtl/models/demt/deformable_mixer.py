"""DeMT's neck: the deformable mixer, one per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmmtl.models.argument_checks import check_choice
from mmmtl.models.layers.conv_norm import NormConfig, build_norm
from mmmtl.models.layers.deform_conv import Backend, DeformConv
from mmmtl.models.layers.pyramid_projection import PyramidProjection
from mmmtl.registry import MODELS
from mmmtl.tasks import check_tasks

BlockOrder = Literal['mix_gather', 'gather_mix']


@MODELS.register_module()
class DeformableMixer(BaseModule):
    """A pyramid in, one deformably mixed feature per task out.

    Without ``tasks`` there is a single mixer and the result is a tuple of
    one map, so that the neck also serves a single-task model of mmseg or
    mmdet.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        channels: int = 256,
        tasks: Sequence[str] | None = None,
        depth: int = 1,
        block_order: BlockOrder = 'mix_gather',
        norm_cfg: Mapping[str, Any] | None = None,
        deform_backend: Backend = 'auto',
        init_cfg: Any = None,
    ) -> None:
        """Build projection and mixers.

        Args:
            in_channels: Channels of the backbone's levels, finest first.
            channels: Width of the result; even.
            tasks: Task names in the order of the config; None for one mixer.
            depth: Mixer blocks per task; 0 leaves the mixers out, and every
                task gets the projected pyramid.
            block_order: ``mix_gather``, or ``gather_mix`` for checkpoints
                made before commit e5dc5b1 (2023-03-07) of the released code.
            norm_cfg: Norm of the mixers; BatchNorm if None.
            deform_backend: Back end of the deformable convolutions, see
                :class:`DeformConv`.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If a task or the block order is unknown.
        """
        super().__init__(init_cfg=init_cfg)
        check_choice(BlockOrder, block_order=block_order)

        def block() -> nn.Sequential:
            steps = [
                ChannelMix(channels, norm_cfg=norm_cfg),
                ChannelGather(
                    channels, norm_cfg=norm_cfg, deform_backend=deform_backend
                ),
            ]
            # Positions are part of the parameter names, so weights of the
            # other order cannot be loaded by mistake.
            return nn.Sequential(
                *(steps if block_order == 'mix_gather' else steps[::-1])
            )

        self.projection = PyramidProjection(in_channels, out_channels=channels)
        self.norm = nn.LayerNorm(channels)
        self.tasks = None if tasks is None else check_tasks(tasks)
        self.mixers = nn.ModuleDict(
            {
                name: nn.Sequential(*(block() for _ in range(depth)))
                for name in (self.tasks or ('all',))
            }
        )

    def forward(
        self, inputs: Sequence[Tensor]
    ) -> dict[str, Tensor] | tuple[Tensor, ...]:
        """Mix a pyramid.

        Args:
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first.

        Returns:
            ``{task: (B, C, h, w)}`` at the size of the finest level, or a
            tuple of one such map without ``tasks``.
        """
        shared = self.projection(inputs).permute(0, 2, 3, 1)
        shared = self.norm(shared).permute(0, 3, 1, 2).contiguous()
        mixed = {name: mixer(shared) for name, mixer in self.mixers.items()}
        return tuple(mixed.values()) if self.tasks is None else mixed


class ChannelMix(nn.Module):
    """1x1 convolution, GELU, norm."""

    def __init__(self, channels: int, *, norm_cfg: NormConfig) -> None:
        """Build the step for ``channels`` in and out."""
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        self.norm = build_norm(norm_cfg, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Mix ``(B, C, h, w)`` into the same shape."""
        return self.norm(F.gelu(self.conv(features)))


class ChannelGather(nn.Module):
    """A residual in which every channel is read from its own place."""

    def __init__(
        self,
        channels: int,
        *,
        norm_cfg: NormConfig,
        deform_backend: Backend,
    ) -> None:
        """Build the step for ``channels`` in and out."""
        super().__init__()
        self.offsets = AbsoluteOffsets(channels)
        self.deform = DeformConv(
            channels,
            out_channels=channels,
            kernel_size=1,
            offset_groups=channels,
            backend=deform_backend,
        )
        self.norm = build_norm(norm_cfg, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Gather ``(B, C, h, w)`` into the same shape."""
        gathered = self.deform(features, self.offsets(features))
        return features + self.norm(F.gelu(gathered))


_TAPS = 9


class AbsoluteOffsets(nn.Module):
    """One sampling offset (dy, dx) per input channel and pixel.

    A 3x3 convolution of the feature is added to the absolute indices of the
    nine pixels that it read; a second 3x3 convolution, in two groups, makes
    offsets of these 18 numbers.

    Faithful:
        * Pixel indices are counted from 1 and not normalised, so trained
          offsets belong to one resolution (107x140 for NYUD, 128x128 for
          PASCAL-Context).
        * Its two groups: the offsets of the first half of the channels
          depend on rows only, of the second half on columns only.
        * At initialisation offsets are tens of pixels, not zero.

    Convention:
        Offsets in pixels, ordered (dy, dx) per channel, as torchvision and
        mmcv have them.
    """

    def __init__(self, channels: int) -> None:
        """Create the two convolutions.

        Args:
            channels: Channels of the feature that is sampled; even, so that
                the two groups share them evenly.
        """
        super().__init__()
        self.learned = nn.Conv2d(channels, 2 * _TAPS, 3, padding=1)
        self.expand = nn.Conv2d(
            2 * _TAPS, 2 * channels, 3, padding=1, groups=2
        )
        nn.init.zeros_(self.learned.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Compute offsets.

        Args:
            features: ``(B, C, h, w)``.

        Returns:
            ``(B, 2 C, h, w)`` in pixels, in the precision of the weights
            also under autocast.
        """
        learned = self.learned(features)
        weight, bias = self.expand.weight, self.expand.bias
        # Sums of pixel indices reach hundreds: bfloat16 would move the
        # places by half a pixel.
        with torch.autocast(features.device.type, enabled=False):
            places = learned.to(weight.dtype)
            places = places + _absolute_taps(features).to(weight.dtype)
            return F.conv2d(places, weight, bias, padding=1, groups=2)


def _absolute_taps(features: Tensor) -> Tensor:
    """Return the indices that a 3x3 kernel reads around each pixel.

    Args:
        features: ``(B, C, h, w)``, for the size and the device.

    Returns:
        ``(1, 18, h, w)``: nine row indices, then nine column indices, in
        row-major order of the taps; pixels are counted from 1.
    """
    height, width = features.shape[-2:]
    step = torch.arange(-1, 2, device=features.device)
    row = torch.arange(1, height + 1, device=features.device)
    column = torch.arange(1, width + 1, device=features.device)
    rows = step.repeat_interleave(3)[:, None, None] + row[:, None]
    columns = step.repeat(3)[:, None, None] + column
    return torch.cat(
        [rows.expand(-1, -1, width), columns.expand(-1, height, -1)]
    )[None]
