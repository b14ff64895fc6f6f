"""The registered losses: configuration around :mod:`.functional`."""

from __future__ import annotations

from torch import Tensor

from mmmtl.models.argument_checks import check_choice
from mmmtl.models.losses import functional
from mmmtl.models.losses.base_task_loss import BaseTaskLoss
from mmmtl.registry import MODELS


@MODELS.register_module()
class SegCrossEntropyLoss(BaseTaskLoss):
    """Cross entropy of class maps: semantic segmentation, human parts.

    See :func:`~mmmtl.models.losses.functional.segmentation_cross_entropy`.
    """

    # Human parts have the same kind of row, so the same valid pixels.
    task = 'semseg'

    def __init__(
        self,
        *,
        divide_by: functional.DivideBy = 'valid',
        loss_name: str = 'loss_ce',
    ) -> None:
        """Check the divisor.

        Args:
            divide_by: The number of ``valid`` pixels, or of ``all``, as in
                the released code of MulT.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If the divisor is neither.
        """
        super().__init__(loss_name=loss_name)
        check_choice(functional.DivideBy, divide_by=divide_by)
        self.divide_by = divide_by

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.segmentation_cross_entropy(
            logits, label, valid, divide_by=self.divide_by
        )


@MODELS.register_module()
class BalancedSaliencyLoss(BaseTaskLoss):
    """Saliency with the classes balanced over the batch.

    Two softmax channels (ATRC family) or one sigmoid channel (MTI-Net
    family); see
    :func:`~mmmtl.models.losses.functional.balanced_saliency_loss`.
    """

    task = 'saliency'
    channels = (1, 2)

    def __init__(
        self,
        *,
        unlabelled: functional.Unlabelled = 'ignored',
        loss_name: str = 'loss_balanced',
    ) -> None:
        """Check the option.

        Args:
            unlabelled: What a pixel without a label counts as: ``ignored``,
                or ``foreground`` as in the released code of SCA-MTL.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If the option is unknown.
        """
        super().__init__(loss_name=loss_name)
        check_choice(functional.Unlabelled, unlabelled=unlabelled)
        self.unlabelled = unlabelled

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.balanced_saliency_loss(
            logits, label, valid, unlabelled=self.unlabelled
        )


@MODELS.register_module()
class NormalsL1Loss(BaseTaskLoss):
    """L1 distance of unit vectors.

    See :func:`~mmmtl.models.losses.functional.normals_l1`.
    """

    task = 'normals'
    channels = (3,)

    def __init__(
        self,
        *,
        average: functional.NormalsAverage = 'pixels',
        loss_name: str = 'loss_l1',
    ) -> None:
        """Check the option.

        Args:
            average: ``pixels`` sums over x, y, z (ATRC, DeMT and
                MQTransformer), ``elements`` averages over them (MTI-Net and
                SCA-MTL). A published weight belongs to one of the two.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If the option is unknown.
        """
        super().__init__(loss_name=loss_name)
        check_choice(functional.NormalsAverage, average=average)
        self.average = average

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.normals_l1(
            logits, label, valid, average=self.average
        )


@MODELS.register_module()
class DepthL1Loss(BaseTaskLoss):
    """Absolute error of depth in metres.

    See :func:`~mmmtl.models.losses.functional.depth_l1`.
    """

    task = 'depth'
    channels = (1,)

    def __init__(self, *, loss_name: str = 'loss_l1') -> None:
        super().__init__(loss_name=loss_name)

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.depth_l1(logits, label, valid)


@MODELS.register_module()
class HeatMapL1Loss(BaseTaskLoss):
    """Absolute error of heat maps: reshading, 2D key points, 2D edges.

    The prediction is taken as it is, neither squashed nor clamped to 0..1;
    see :func:`~mmmtl.models.losses.functional.masked_l1`.
    """

    # The three heat maps have the same kind of row, so the same valid pixels.
    task = 'reshading'
    channels = (1,)

    def __init__(self, *, loss_name: str = 'loss_l1') -> None:
        super().__init__(loss_name=loss_name)

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.masked_l1(logits, label, valid)


@MODELS.register_module()
class BalancedEdgeLoss(BaseTaskLoss):
    """Binary cross entropy with a fixed weight of edge pixels.

    See :func:`~mmmtl.models.losses.functional.balanced_edge_loss`.
    """

    task = 'edge'
    channels = (1,)

    def __init__(
        self, *, pos_weight: float, loss_name: str = 'loss_balanced'
    ) -> None:
        """Check the weight.

        Args:
            pos_weight: Share of an edge pixel; the authors use 0.8 on
                NYUD-v2 and 0.95 on PASCAL-Context.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If the weight is not between 0 and 1.
        """
        super().__init__(loss_name=loss_name)
        if not 0 < pos_weight < 1:
            raise ValueError(
                f'pos_weight={pos_weight}: give a share between 0 and 1 '
                "(w of w and 1 - w, not PyTorch's ratio w / (1 - w))"
            )
        self.pos_weight = pos_weight

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.balanced_edge_loss(
            logits, label, valid, pos_weight=self.pos_weight
        )
