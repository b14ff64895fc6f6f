"""Necks that belong to no method."""

from mmmtl.models.necks.level_projection import LevelProjection
from mmmtl.models.necks.pyramid_fusion import PyramidFusion

__all__ = ['LevelProjection', 'PyramidFusion']
