"""Necks: pyramid to pyramid, or pyramid to one feature per task."""

from mmmtl.models.necks.deformable_mixer import DeformableMixer

__all__ = ['DeformableMixer']
