"""The depth loss of MulT's released code: log depth, and slopes of depth.

Source: IVRL/MulT at d71bcbe, for "MulT: An End-to-End Multitask Learning
Transformer", Bhattacharjee et al., CVPR 2022, whose text names another loss.

Faithful:
    * Depths above 1 mm count, over the batch of one process.
    * The term of the slopes sees missing labels as depth 0, counts their
      pixels a tenth, and divides by all pixels.

Departs:
    * Without a valid pixel, and for a perfect prediction, the loss is 0 with
      zero gradients; the root would give NaN.

Convention:
    Predictions are metres > 0: a head refuses this loss without the task's
    ``max_value``. Half precision is widened to float32, also under autocast.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.models.losses.base_task_loss import BaseTaskLoss
from mmmtl.models.losses.functional import widen
from mmmtl.registry import MODELS
from mmmtl.tasks.kinds import Depth

# Metres below which the released code takes a depth for missing.
_NEAREST = 1e-3
_SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


@MODELS.register_module()
class DepthLogLoss(BaseTaskLoss):
    """Scale-invariant error of log depth, and of the depth's slopes.

    See :func:`log_depth` and :func:`depth_slopes`.
    """

    kind = Depth
    # The logarithm has no value below 0, and the clamp there no gradient: a
    # network that starts below 0 would never learn.
    needs_max_value = True

    def __init__(
        self,
        *,
        log_weight: float = 10.0,
        slope_weight: float = 0.1,
        loss_name: str = 'loss_log',
    ) -> None:
        """Check the weights.

        Args:
            log_weight: Of the scale-invariant term.
            slope_weight: Of the slopes.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If a weight is negative.
        """
        super().__init__(loss_name=loss_name)
        if min(log_weight, slope_weight) < 0:
            raise ValueError(
                f'log_weight={log_weight}, slope_weight={slope_weight}: give '
                'numbers >= 0'
            )
        self.log_weight = log_weight
        self.slope_weight = slope_weight

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return self.log_weight * log_depth(
            logits, label, valid
        ) + self.slope_weight * depth_slopes(logits, label, valid)


def log_depth(prediction: Tensor, label: Tensor, valid: Tensor) -> Tensor:
    """Compute the scale-invariant error of log depth.

    With ``g = ln prediction - ln label``: ``sqrt(mean(g^2) - 0.85
    mean(g)^2)`` over the valid pixels of the batch.

    Args:
        prediction: ``(B, 1, H, W)`` metres; below a micrometre it counts as
            one, without a gradient.
        label: ``(B, 1, H, W)`` metres.
        valid: ``(B, 1, H, W)`` bool.

    Returns:
        Scalar >= 0.
    """
    prediction = widen(prediction)
    valid, target = _depths(prediction, label, valid)
    ratio = (
        prediction.clamp(min=1e-6).log() - target.masked_fill(~valid, 1).log()
    )
    ratio = ratio.masked_fill(~valid, 0)
    count = valid.sum().clamp(min=1)
    spread = ratio.square().sum() / count
    spread = spread - 0.85 * (ratio.sum() / count).square()
    # The root has no slope at 0: there (a perfect prediction, or no label)
    # the loss is 0, and so is its gradient.
    some = spread > 1e-12
    return torch.where(some, spread, 1.0).sqrt() * some


def depth_slopes(prediction: Tensor, label: Tensor, valid: Tensor) -> Tensor:
    """Average the absolute errors of the slopes along both axes, added up.

    Slopes are 3x3 Sobel filters (weights 1, 2, 1, not divided), zeros beyond
    the border. Pixels without a label count a tenth.

    Args:
        prediction: ``(B, 1, H, W)`` metres.
        label: ``(B, 1, H, W)`` metres.
        valid: ``(B, 1, H, W)`` bool.

    Returns:
        Scalar >= 0.
    """
    prediction = widen(prediction)
    known, target = _depths(prediction, label, valid)
    across = prediction.new_tensor(_SOBEL)
    filters = torch.stack([across, across.t()])[:, None]
    # Autocast would convolve in half precision again.
    with torch.autocast(prediction.device.type, enabled=False):
        # The filter is linear: of the difference, not the difference of two.
        errors = F.conv2d(prediction - target, filters, padding=1).abs()
    errors = torch.where(known, errors, 0.1 * errors)
    # A mean over all pixels, for each axis: the sum of two channels.
    return errors.sum(1).mean() * valid.any()


def _depths(
    prediction: Tensor, label: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor]:
    """Return where the label counts, and the label with 0 where it lacks."""
    target = label.to(prediction.dtype).masked_fill(~valid, 0)
    return valid & (target > _NEAREST), target
