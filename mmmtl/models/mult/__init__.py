"""MulT: a windowed decoder per task with one shared attention map."""

from mmmtl.models.mult.shared_attention_head import SharedAttentionHead

__all__ = ['SharedAttentionHead']
