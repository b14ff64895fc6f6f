"""The registered losses: configuration around :mod:`.functional`."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from mmmtl.models.argument_checks import check_choice
from mmmtl.models.losses import functional
from mmmtl.models.losses.base_task_loss import BaseTaskLoss
from mmmtl.registry import MODELS
from mmmtl.tasks.kinds import Binary, Classes, Depth, Normals, Scalar


@MODELS.register_module()
class SegCrossEntropyLoss(BaseTaskLoss):
    """Cross entropy of class maps.

    See :func:`~mmmtl.models.losses.functional.segmentation_cross_entropy`.
    """

    kind = Classes

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
    """Masks, such as saliency, with the classes balanced over the batch.

    Two softmax channels (ATRC family) or one sigmoid channel (MTI-Net
    family); see
    :func:`~mmmtl.models.losses.functional.balanced_saliency_loss`.
    """

    kind = Binary

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

    kind = Normals

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

    kind = Depth

    def __init__(self, *, loss_name: str = 'loss_l1') -> None:
        super().__init__(loss_name=loss_name)

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.depth_l1(logits, label, valid)


@MODELS.register_module()
class HeatMapL1Loss(BaseTaskLoss):
    """Absolute error of heat maps: reshading, 2D key points, 2D edges.

    In the unit of the labels, whatever their spread. The prediction is taken
    as it is, neither squashed nor clamped to 0..1; see
    :func:`~mmmtl.models.losses.functional.masked_l1`.
    """

    kind = Scalar

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

    kind = Binary
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
        _check_share(pos_weight)
        self.pos_weight = pos_weight

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.balanced_edge_loss(
            logits, label, valid, pos_weight=self.pos_weight
        )


@MODELS.register_module()
class BinaryCrossEntropyLoss(BaseTaskLoss):
    """Cross entropy of masks; the default of binary tasks.

    One sigmoid channel or two softmax channels.
    """

    kind = Binary

    def __init__(
        self,
        *,
        pos_weight: float | Literal['balanced'] | None = None,
        loss_name: str = 'loss_bce',
    ) -> None:
        """Check the weight.

        Args:
            pos_weight: Share of a pixel of 1 in 0..1, as of
                :class:`BalancedEdgeLoss`; ``balanced`` for the share of
                zeros in the batch, as of :class:`BalancedSaliencyLoss`; None
                for the plain mean over the pixels.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If the weight is none of these.
        """
        super().__init__(loss_name=loss_name)
        if pos_weight not in (None, 'balanced'):
            _check_share(pos_weight)
        self.pos_weight = pos_weight

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        if self.pos_weight is None:
            return functional.binary_cross_entropy(logits, label, valid)
        if self.pos_weight == 'balanced':
            return functional.balanced_saliency_loss(logits, label, valid)
        return functional.balanced_edge_loss(
            logits, label, valid, pos_weight=self.pos_weight
        )


@MODELS.register_module()
class BinaryDiceLoss(BaseTaskLoss):
    """One minus the Dice coefficient, for masks of which little is 1.

    See :func:`~mmmtl.models.losses.functional.binary_dice`.
    """

    kind = Binary

    def __init__(
        self, *, smooth: float = 1.0, loss_name: str = 'loss_dice'
    ) -> None:
        """Check the constant.

        Args:
            smooth: Added to both sums, in pixels.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If the constant is not above 0.
        """
        super().__init__(loss_name=loss_name)
        if not smooth > 0:
            raise ValueError(f'smooth={smooth}: give a number > 0')
        self.smooth = smooth

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.binary_dice(logits, label, valid, smooth=self.smooth)


@MODELS.register_module()
class BinaryFocalLoss(BaseTaskLoss):
    """Cross entropy in which pixels that are right already count little.

    See :func:`~mmmtl.models.losses.functional.binary_focal`.
    """

    kind = Binary

    def __init__(
        self,
        *,
        alpha: float = 0.25,
        gamma: float = 2.0,
        loss_name: str = 'loss_focal',
    ) -> None:
        """Check the parameters; the defaults are the paper's.

        Args:
            alpha: Weight of a pixel of 1, between 0 and 1.
            gamma: 0 for a weighted cross entropy.
            loss_name: Name under which the loss is reported.

        Raises:
            ValueError: If one is out of its range.
        """
        super().__init__(loss_name=loss_name)
        if not (0 < alpha < 1 and gamma >= 0):
            raise ValueError(
                f'alpha={alpha}, gamma={gamma}: give an alpha between 0 and '
                '1, and a gamma of 0 or more'
            )
        self.alpha = alpha
        self.gamma = gamma

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        return functional.binary_focal(
            logits, label, valid, alpha=self.alpha, gamma=self.gamma
        )


@MODELS.register_module()
class ScalarL1Loss(BaseTaskLoss):
    """Absolute error in units of the task's ``spread``.

    So it is about as large for millimetres as for degrees; see
    :func:`~mmmtl.models.losses.functional.masked_l1`.
    """

    kind = Scalar

    def __init__(self, *, loss_name: str = 'loss_l1') -> None:
        super().__init__(loss_name=loss_name)

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """See the base class."""
        error = functional.masked_l1(logits, label, valid)
        return error / self.settings.spread


def _check_share(pos_weight: float) -> None:
    if not 0 < pos_weight < 1:
        raise ValueError(
            f'pos_weight={pos_weight}: give a share between 0 and 1 '
            "(w of w and 1 - w, not PyTorch's ratio w / (1 - w))"
        )
