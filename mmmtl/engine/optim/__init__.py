"""Optimizer wrappers of mmmtl."""

from mmmtl.engine.optim.aggregation import AggregationOptimWrapper
from mmmtl.engine.optim.autocast import AutocastOptimWrapper

__all__ = ['AggregationOptimWrapper', 'AutocastOptimWrapper']
