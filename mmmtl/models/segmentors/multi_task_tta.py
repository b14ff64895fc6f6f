"""Test-time augmentation: average a model's answers over several views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseTTAModel
from torch import Tensor

from mmmtl.registry import MODELS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task

View = tuple[MultiTaskDataSample, dict[str, Tensor]]


@MODELS.register_module()
class MultiTaskTTAModel(BaseTTAModel):
    """Average predictions over flipped and rescaled views of an image.

    Convention:
        Every view is brought back to the original image first: maps are
        mirrored back and resized to the original size, and values that a
        mirror or a zoom changes are changed back (the sign of a component of
        normals, metres). Then probabilities, metres and unit vectors are
        averaged; class ids come from the mean probabilities, normals are
        normalised again.
    """

    def test_step(
        self, data: dict[str, Sequence[Any]]
    ) -> list[MultiTaskDataSample]:
        """Predict from all views of a batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a list over views of
                lists over the batch, as ``TestTimeAug`` gives them.

        Returns:
            The first view's samples with the averaged predictions.
        """
        views = [
            {key: values[index] for key, values in data.items()}
            for index in range(len(data['inputs']))
        ]
        per_view = []
        for view in views:
            batch = self.module.data_preprocessor(view, False)
            with torch.no_grad():
                maps = self.module.predict_soft(**batch)
            # The preprocessor's samples: their labels are on the device of
            # the predictions.
            per_view.append(
                list(zip(batch['data_samples'], maps, strict=True))
            )
        return self.merge_preds(list(zip(*per_view, strict=True)))

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[View]]
    ) -> list[MultiTaskDataSample]:
        """Average the views of each image.

        Args:
            data_samples_list: Per image, per view, the view's sample and its
                averageable values ``{task: (C, H, W)}``.

        Returns:
            Per image the first view's sample, with predictions.
        """
        merged = []
        for views in data_samples_list:
            sample, first = views[0]
            for task in first:
                values = torch.stack([maps[task] for _, maps in views])
                mean = values.mean(0)
                sample.set_pred(task, get_task(task).kind.finalize(mean))
            merged.append(sample)
        return merged
