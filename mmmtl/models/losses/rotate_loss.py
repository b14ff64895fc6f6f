"""The depth loss of MulT's paper: forgiving a displacement by one pixel.

Sources: "MulT: An End-to-End Multitask Learning Transformer", Bhattacharjee
et al., CVPR 2022, which takes it from tstandley/taskgrouping.

Faithful:
    * It divides by all pixels within the border, labelled or not, and picks
      the displacement for each image as a whole.

Departs:
    * The best displacement is found first, and the loss computed for it
      alone: the same value and gradient (up to ties) for a ninth of the
      memory.
    * It needs no flag: another loss in the config is the choice without it.

Convention:
    Predictions are metres, by the task's ``max_value`` or as they are. Half
    precision is widened to float32.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from mmmtl.models.losses.base_task_loss import BaseTaskLoss
from mmmtl.models.losses.functional import widen
from mmmtl.registry import MODELS
from mmmtl.tasks.kinds import Depth


@MODELS.register_module()
class DepthRotateLoss(BaseTaskLoss):
    """Absolute error of depth that forgives a displacement by one pixel.

    See :func:`rotate_l1`.
    """

    kind = Depth

    def __init__(self, *, loss_name: str = 'loss_rotate') -> None:
        super().__init__(loss_name=loss_name)

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return rotate_l1(logits, label, valid)


def rotate_l1(prediction: Tensor, label: Tensor, valid: Tensor) -> Tensor:
    """Average the least of nine absolute errors over the images.

    With the border of one pixel cut off label and ``valid``: for each image
    the smallest, over displacements of the prediction by -1, 0, 1 pixels
    down and right, of the sum of absolute errors over the valid pixels,
    divided by the number of all pixels.

    Args:
        prediction: ``(B, C, H, W)``, 3 x 3 pixels at least.
        label: ``(B, C, H, W)``.
        valid: ``(B, 1, H, W)`` bool.

    Returns:
        Scalar >= 0.
    """
    height, width = (side - 2 for side in prediction.shape[-2:])
    prediction = widen(prediction)
    inner = valid[..., 1:-1, 1:-1]
    target = label[..., 1:-1, 1:-1].to(prediction.dtype)
    target = target.masked_fill(~inner, 0)

    def shifted(maps: Tensor, place: tuple[int, ...]) -> Tensor:
        return maps[..., place[0] : place[0] + height, place[1] :][..., :width]

    def errors(maps: Tensor) -> Tensor:
        return (maps - target).abs().masked_fill(~inner, 0).flatten(1).mean(1)

    places = list(product(range(3), repeat=2))
    with torch.no_grad():
        nine = torch.stack([errors(shifted(prediction, p)) for p in places])
    best = nine.argmin(dim=0).tolist()
    chosen = [
        shifted(image, places[index])
        for image, index in zip(prediction, best, strict=True)
    ]
    return errors(torch.stack(chosen)).mean()
