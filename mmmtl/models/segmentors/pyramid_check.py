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
        producer: One of our necks (``out_channels``), or one of mmseg's
            backbones: the Swin family, HRNet, the ResNet family, MiT.

    Returns:
        Channels by level, finest first; None if unknown.
    """
    given = getattr(producer, 'out_channels', None)
    if isinstance(given, Sequence):
        return list(given)
    branches = getattr(producer, 'stage4_cfg', None)
    if branches is not None:  # HRNet returns all branches of its last stage
        wider = 4 if branches['block'] == 'BOTTLENECK' else 1
        return [wider * width for width in branches['num_channels']]
    stages = _stage_channels(producer)
    indices = getattr(producer, 'out_indices', None)
    if stages is None or not isinstance(indices, Sequence):
        return None
    return [stages[index] for index in indices]


def _stage_channels(backbone: nn.Module) -> list[int] | None:
    """Return the channels of all stages, those not returned included."""
    widths = getattr(backbone, 'num_features', None)
    if isinstance(widths, Sequence):  # Swin
        return list(widths)
    heads = getattr(backbone, 'num_heads', None)
    if hasattr(backbone, 'embed_dims') and isinstance(heads, Sequence):  # MiT
        return [backbone.embed_dims * count for count in heads]
    if hasattr(backbone, 'feat_dim') and hasattr(backbone, 'num_stages'):
        last = backbone.num_stages - 1  # ResNet doubles from stage to stage
        return [backbone.feat_dim // 2 ** (last - i) for i in range(last + 1)]
    return None
