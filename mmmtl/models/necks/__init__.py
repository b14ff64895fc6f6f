"""Necks that belong to no method."""

from mmmtl.models.necks.level_projection import LevelProjection

__all__ = ['LevelProjection']
