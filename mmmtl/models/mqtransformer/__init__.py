"""MQTransformer: queries per task."""

from mmmtl.models.mqtransformer.multi_query_head import (
    MultiQueryHead,
    TaskQueries,
)

__all__ = ['MultiQueryHead', 'TaskQueries']
