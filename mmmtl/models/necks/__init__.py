"""Necks: pyramid to pyramid, or pyramid to one feature per task."""

from mmmtl.models.necks.cross_scale_attention import CrossScaleAttention
from mmmtl.models.necks.deformable_mixer import DeformableMixer
from mmmtl.models.necks.window_self_attention import WindowSelfAttention

__all__ = ['CrossScaleAttention', 'DeformableMixer', 'WindowSelfAttention']
