"""Trains heads on features that were computed once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmmtl.engine.checkpoint import bare_model
from mmmtl.errors import UserError
from mmmtl.models.backbones.feature_cache import FeatureCache, key_of
from mmmtl.registry import HOOKS


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Keeps the features of a frozen backbone on disk in training.

    For pipelines whose random part is a small set of views: none, or a flip.
    A view is known by its pixels as they come to the network; the folder
    below ``folder`` by a hash of the backbone, its weights, ``dtype`` and the
    room. So a change of any of them begins a new cache, and runs that differ
    in neck and head only share one, one after the other.

    Each process keeps its own, because it meets all images in time.

    Examples:
        >>> custom_hooks = [
        ...     dict(type='FeatureCacheHook', folder='data/features', views=2)
        ... ]
    """

    def __init__(
        self,
        *,
        folder: str | Path,
        views: int = 1,
        dtype: Literal['float32', 'float16'] = 'float32',
    ) -> None:
        """Store the settings.

        Args:
            folder: Where the features lie.
            views: What becomes of an image at most: 1 without augmentation,
                2 with a flip.
            dtype: ``'float32'`` trains as without a cache; ``'float16'``
                takes half of the room and rounds.
        """
        self.folder = Path(folder)
        self.views = views
        self.dtype = dtype

    def before_train(self, runner: Runner) -> None:
        """Open the cache; the room it needs is logged when it is known."""
        model = bare_model(runner.model)
        if not getattr(model, 'frozen_backbone', False):
            raise UserError(
                'FeatureCacheHook: the backbone learns, so its features '
                'change: set model.frozen_backbone=True'
            )
        capacity = self.views * len(runner.train_dataloader.dataset)
        rank = f'process{get_rank()}of{get_world_size()}'
        key = key_of(model.backbone, capacity, self.dtype, rank)
        model.feature_cache = FeatureCache(
            self.folder / key, capacity=capacity, dtype=self.dtype
        )

    def after_train(self, runner: Runner) -> None:
        """Let other runs use the folder."""
        model = bare_model(runner.model)
        model.feature_cache.close()
        model.feature_cache = None
