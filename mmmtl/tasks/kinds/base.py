"""What every kind of map answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from mmmtl.geometry.motion import Motion
from mmmtl.tasks.kinds.stored import (
    Encodings,
    Stored,
    Values,
    absent_setting,
)

Direction = Literal['horizontal', 'vertical']
Map = TypeVar('Map', Tensor, np.ndarray)


@dataclass(frozen=True)
class Primary:
    """The figure a task is compared by.

    Attributes:
        name: Name of the metric, without the task.
        lower_is_better: Whether it is an error.
    """

    name: str
    lower_is_better: bool = False


@dataclass(frozen=True)
class Kind(ABC):
    """What a map says, and how it behaves.

    A task is a name of a kind with its settings. A subclass is a frozen
    dataclass whose fields are those settings; everything that differs
    between maps is asked of it, and code outside names no task.

    Convention:
        Labels and predictions are ``(C, H, W)`` tensors on a sample and
        ``(H, W)`` or ``(H, W, C)`` arrays in the transforms; where a method
        needs to know, ``axis`` is the axis of the components. ``no_label``
        is the one value, in every component, that means "no label here":
        padding, losses and metrics all use it.

    Attributes:
        dtype: Type of the label tensor.
        pred_dtype: Type of the prediction tensor.
        components: Channels of label and prediction.
        no_label: Value of every component where there is no label.
        unit: Unit of the values, for people.
        symbol: The unit as it stands behind a number; empty if it does not.
        loss: Config of the loss that a recipe without one gets.
        metric: Config of the metric that a recipe without one gets.
        primary: The figure of that metric a task is compared by.
        painter: Name of the painter of its pictures.
    """

    dtype: ClassVar[torch.dtype] = torch.float32
    pred_dtype: ClassVar[torch.dtype] = torch.float32
    components: ClassVar[int] = 1
    no_label: ClassVar[float]
    loss: ClassVar[Mapping[str, Any]]
    metric: ClassVar[Mapping[str, Any]]
    primary: ClassVar[Primary]
    painter: ClassVar[str]
    unit: ClassVar[str]
    symbol: ClassVar[str] = ''

    def valid(self, label: Map) -> Map:
        """Return True where the label map holds a label.

        Args:
            label: ``(..., C, H, W)``.

        Returns:
            Boolean ``(..., 1, H, W)`` of the same library.
        """
        return _any(label != self.no_label)

    def flip(self, values: Map, direction: Direction, *, axis: int) -> Map:
        """Return what a mirrored map's values become.

        Args:
            values: The map, its pixels mirrored already: a label, a
                prediction, or in test-time augmentation what
                :meth:`activate` gives, which may have other channels.
            direction: Which way it was mirrored.
            axis: Axis of the components.
        """
        del direction, axis
        return values

    def turn(self, values: Map, degrees: float, *, axis: int) -> Map:
        """Return what a turned map's values become.

        Args:
            values: The map, its pixels turned already.
            degrees: How far the picture was turned, counter-clockwise as it
                is looked at.
            axis: Axis of the components.
        """
        del degrees, axis
        return values

    def zoom(self, values: Map, factor: float) -> Map:
        """Return what an enlarged map's values become.

        Args:
            values: The map, its pixels resized already.
            factor: By how much the picture was enlarged.
        """
        del factor
        return values

    def follow(self, values: np.ndarray, motion: Motion) -> np.ndarray:
        """Return what a map's values become when the camera moves.

        Args:
            values: ``(C, ...)`` predictions of the picture before, its
                pixels moved already.
            motion: Of the camera; its rays have the same pixels.
        """
        del motion
        return values

    def difference(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Say how far two predictions of the same points are apart.

        Args:
            now: ``(C, ...)``.
            before: ``(C, ...)``.

        Returns:
            ``(...)`` in :attr:`difference_unit`: the mean absolute
            difference of the components, or of whole numbers 100 where they
            differ and 0 where not.
        """
        if self.pred_dtype.is_floating_point:
            return abs(now - before).mean(0)
        return 100.0 * (now != before).any(0)

    @property
    def difference_unit(self) -> str:
        """Unit of :meth:`difference`; '' where it has none."""
        return self.symbol if self.pred_dtype.is_floating_point else '%'

    def blend(self, now: Tensor, before: Tensor, share: Tensor) -> Tensor:
        """Mix values of :meth:`activate` of two pictures.

        Args:
            now: ``(..., K or C, H, W)``.
            before: The same, of the picture before, its pixels moved.
            share: ``(H, W)`` in 0..1, how much ``before`` counts.

        Returns:
            As ``now``; where ``share`` is 0, exactly ``now``.
        """
        mixed = torch.lerp(now, before, share.to(now.dtype))
        # Values that are not finite would come through a share of 0.
        return torch.where(share > 0, mixed, now)

    @abstractmethod
    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        """Return the numbers of channels a network may give, usual one first.

        Args:
            num_classes: Length of the task's list of classes, if it has one.

        Returns:
            Numbers of channels, which need not be that of the classes;
            empty where their list decides and there is none.
        """

    @property
    def has_classes(self) -> bool:
        """Whether values are ids, from 0, of classes that a list names."""
        return not self.out_channels(None)

    def to_values(self, logits: Tensor) -> Tensor:
        """Bring a network's output to the scale of the labels.

        Losses and :meth:`activate` read the result. Where a recipe gives
        ``max_value``, a sigmoid up to it takes the place of this.

        Args:
            logits: ``(..., K, H, W)``.

        Returns:
            ``(..., K, H, W)``.
        """
        return logits

    @abstractmethod
    def activate(self, logits: Tensor) -> Tensor:
        """Turn logits into values that may be averaged over views.

        A view's values then go through :meth:`flip` and :meth:`zoom`.

        Args:
            logits: ``(..., K, H, W)``, after :meth:`to_values`.

        Returns:
            ``(..., K or C, H, W)``.
        """

    def finalize(self, soft: Tensor) -> Tensor:
        """Turn (averaged) values of :meth:`activate` into the prediction.

        Args:
            soft: ``(..., K or C, H, W)``.

        Returns:
            ``(..., C, H, W)`` of ``pred_dtype``.
        """
        return soft.to(self.pred_dtype)

    def decode(self, logits: Tensor) -> Tensor:
        """Turn logits into the prediction.

        Args:
            logits: ``(..., K, H, W)``, after :meth:`to_values`.

        Returns:
            ``(..., C, H, W)`` of ``pred_dtype``.
        """
        return self.finalize(self.activate(logits))

    @property
    def on_a_scale(self) -> bool:
        """Whether logits are in the unit, so that ``max_value`` fits."""
        return False

    @abstractmethod
    def statistics(self, values: Tensor) -> Tensor:
        """Return what the best constant answer is computed from.

        Args:
            values: ``(C, N)`` labels of labelled pixels.

        Returns:
            A float64 vector that may be added over samples.
        """

    @abstractmethod
    def best_constant(self, statistics: Tensor) -> Tensor:
        """Return the constant answer with the best primary figure.

        Args:
            statistics: Sum of :meth:`statistics`.

        Returns:
            ``(C,)`` prediction.
        """

    @abstractmethod
    def read(self, stored: np.ndarray) -> np.ndarray:
        """Turn a plain file's content into a label map.

        Plain is what needs no further word: ids from 0, metres, values in
        the task's unit, unit vectors in our frame. Declared encodings
        (scales, tables, other frames) are undone before.

        Args:
            stored: ``(H, W)`` or ``(H, W, C)``, what the file holds.

        Returns:
            ``(H, W)`` or ``(H, W, C)``; uint8 or float32.

        Raises:
            ValueError: With a text that begins with a verb, if the content
                cannot be such a map.
        """

    def implausible(self, label: np.ndarray) -> list[str]:
        """Say what a map of this kind hardly ever looks like.

        Args:
            label: A label map as :meth:`read` returns it.

        Returns:
            Sentences; empty if nothing is odd.
        """
        del label
        return []

    def absent_values(self, stored: Stored) -> list[Values]:
        """Say which stored values may mean "no label".

        Args:
            stored: What files hold that are to be read as this kind.

        Returns:
            Every possible set of values, the likeliest first; one where
            there is no doubt. NaN, infinity and what :meth:`read` itself
            takes for "no label" need no mention.

        Raises:
            ValueError: With a text that begins with a verb, if the files
                cannot be such maps.
        """
        del stored
        return [()]

    def encodings(self, stored: Stored, absent: Values) -> Encodings:
        """Say what the other stored values may mean.

        Args:
            stored: What files hold.
            absent: Values that mean "no label".

        Returns:
            Settings of a ``FolderDataset`` by a word that stands for them,
            the likeliest first; one entry where there is no doubt. A word
            with a capital name in it leaves a number to the user, and has
            None.

        Raises:
            ValueError: As :meth:`absent_values`.
        """
        del stored
        return {'plain': absent_setting(absent, is_colour=False)}

    def ids(self, stored: Stored, absent: Values) -> list[int] | None:
        """Return the stored value of each class, of a kind with classes.

        Args:
            stored: What files hold.
            absent: Values that mean "no label".

        Returns:
            In the order of the classes; None where files hold ids from 0
            as :meth:`encodings` has them read: the largest says how many.

        Raises:
            ValueError: If there are too few or too many.
        """
        del stored, absent
        return None

    def encoding(
        self, word: str, stored: Stored, absent: Values
    ) -> dict[str, Any]:
        """Return the settings that a word stands for.

        Args:
            word: One of :meth:`encodings`, or what else the kind knows.
            stored: What files hold.
            absent: Values that mean "no label".

        Raises:
            ValueError: If it stands for none.
        """
        known = self.encodings(stored, absent)
        settings = known.get(word)
        if settings is None:
            raise ValueError(f'{word!r}: choose among {", ".join(known)}')
        return settings


def _any(present: Any) -> Any:
    if isinstance(present, Tensor):
        return present.any(dim=-3, keepdim=True)
    return present.any(axis=-3, keepdims=True)


KINDS: dict[str, type[Kind]] = {}
"""Every known kind, by the name that configs use."""

KindType = TypeVar('KindType', bound=type[Kind])


def register_kind(name: str) -> Callable[[KindType], KindType]:
    """Make a kind known under a name.

    Args:
        name: What configs call it.

    Returns:
        A decorator that returns the class unchanged.

    Raises:
        ValueError: If another class has the name.
    """

    def register(kind: KindType) -> KindType:
        known = KINDS.setdefault(name, kind)
        # A module that is imported twice brings the same class again.
        same = (known.__module__, known.__qualname__) == (
            kind.__module__,
            kind.__qualname__,
        )
        if not same:
            raise ValueError(
                f'kind {name!r} is {known.__module__}.{known.__qualname__} '
                'already: choose another name'
            )
        KINDS[name] = kind
        return kind

    return register
