"""SCA-MTL: attention across tasks, then across scales."""

from mmmtl.models.sca_mtl.cross_scale_attention import CrossScaleAttention
from mmmtl.models.sca_mtl.sequential_cross_attention_head import (
    SequentialCrossAttentionHead,
)
from mmmtl.models.sca_mtl.window_self_attention import WindowSelfAttention

__all__ = [
    'CrossScaleAttention',
    'SequentialCrossAttentionHead',
    'WindowSelfAttention',
]
