"""Do the levels of one part fit the next? Asked when a model is built."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def check_pyramid(producer: nn.Module, consumer: nn.Module) -> None:
    """Refuse parts that cannot follow each other.

    Parts that do not say what they give or take are believed; their first
    forward pass will tell.

    Args:
        producer: Backbone or neck.
        consumer: The neck or head behind it.

    Raises:
        ValueError: If the consumer's ``in_channels`` are not what the
            producer gives.
    """
    takes = getattr(consumer, 'in_channels', None)
    gives = known_channels(producer)
    if gives is None or not isinstance(takes, Sequence):
        return
    if list(takes) != gives:
        raise ValueError(
            f'{type(consumer).__name__} has in_channels={list(takes)}, but '
            f'{type(producer).__name__} gives levels of {gives} channels: '
            'set in_channels to them (or change out_indices of the backbone)'
        )


def known_channels(producer: nn.Module) -> list[int] | None:
    """Return the channels of the levels that a part gives, if it tells.

    Args:
        producer: One of our necks (``out_channels``), or a backbone with
            ``num_features`` for all stages and ``out_indices``, as Swin.

    Returns:
        Channels by level, finest first; None if unknown.
    """
    given = getattr(producer, 'out_channels', None)
    if isinstance(given, Sequence):
        return list(given)
    stages = getattr(producer, 'num_features', None)
    indices = getattr(producer, 'out_indices', None)
    if isinstance(stages, Sequence) and isinstance(indices, Sequence):
        return [stages[index] for index in indices]
    return None
