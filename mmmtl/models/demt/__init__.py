"""DeMT: deformable mixer and task queries."""

from mmmtl.models.demt.deformable_mixer import DeformableMixer
from mmmtl.models.demt.task_query_head import TaskQueryHead

__all__ = ['DeformableMixer', 'TaskQueryHead']
