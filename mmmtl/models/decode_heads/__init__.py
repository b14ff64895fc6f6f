"""Multi-task decode heads."""

from mmmtl.models.decode_heads.base_multi_task_head import BaseMultiTaskHead
from mmmtl.models.decode_heads.multi_query_head import (
    MultiQueryHead,
    TaskQueries,
)
from mmmtl.models.decode_heads.per_task_heads import PerTaskHeads
from mmmtl.models.decode_heads.sequential_cross_attention_head import (
    SequentialCrossAttentionHead,
)
from mmmtl.models.decode_heads.shared_attention_head import (
    SharedAttentionHead,
)
from mmmtl.models.decode_heads.task_query_head import TaskQueryHead

__all__ = [
    'BaseMultiTaskHead',
    'MultiQueryHead',
    'PerTaskHeads',
    'SequentialCrossAttentionHead',
    'SharedAttentionHead',
    'TaskQueries',
    'TaskQueryHead',
]
