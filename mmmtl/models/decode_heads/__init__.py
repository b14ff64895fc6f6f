"""What every multi-task head shares, and heads that fit any method."""

from mmmtl.models.decode_heads.base_multi_task_head import BaseMultiTaskHead
from mmmtl.models.decode_heads.per_task_heads import PerTaskHeads

__all__ = ['BaseMultiTaskHead', 'PerTaskHeads']
