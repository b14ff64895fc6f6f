"""What every registered loss has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from mmmtl.tasks import Kind


class BaseTaskLoss(nn.Module, ABC):
    """A loss of logits against a label map, for all tasks of one kind.

    A subclass names its kind and implements :meth:`compute`. The valid
    pixels are found here, so that every loss ignores exactly what the kind
    calls "no label".

    Attributes:
        kind: The kind whose tasks the loss is for. A head refuses it for
            tasks of another one.
        channels: Numbers of channels the logits may have; empty for all that
            the kind allows. A head refuses the loss for a task with another
            number.
        needs_max_value: Whether the loss is defined for values > 0 alone. A
            head then refuses it for a task without ``max_value``.
        loss_name: Name under which the loss is reported.
    """

    kind: ClassVar[type[Kind]]
    channels: ClassVar[tuple[int, ...]] = ()
    needs_max_value: ClassVar[bool] = False

    def __init__(self, *, loss_name: str) -> None:
        """Store the name.

        Args:
            loss_name: Starts with ``loss_``: mmengine adds up what has
                "loss" in its name, and only that.
        """
        super().__init__()
        self.loss_name = loss_name
        self._settings: Kind | None = None

    @property
    def settings(self) -> Any:
        """Kind and settings of the task that the loss is used for.

        A head sets them; until then they are those of a task without any.
        """
        return self._settings or self.kind()

    @settings.setter
    def settings(self, kind: Kind) -> None:
        self._settings = kind

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Compute the loss, 0 with zero gradients if nothing is labelled.

        Args:
            logits: ``(B, K, H, W)``.
            label: ``(B, C, H, W)`` of the kind's dtype; its ``no_label``
                where there is no label.

        Returns:
            Scalar >= 0, at least float32 also under autocast.
        """
        return self.compute(logits, label, self.settings.valid(label))

    @abstractmethod
    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """Compute the loss over the valid pixels.

        Args:
            logits: ``(B, K, H, W)``.
            label: ``(B, C, H, W)``.
            valid: ``(B, 1, H, W)`` bool.

        Returns:
            Scalar.
        """
