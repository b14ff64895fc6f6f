"""Predictions that may still be averaged, over tiles or over frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmmtl.structures import MultiTaskDataSample

SoftMaps = dict[str, Tensor]


def batch_of(loaded: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Put pictures together as a model's ``test_step`` takes them.

    Args:
        loaded: Each as :class:`mmmtl.apis.pictures.PicturePipeline` gives it.
    """
    return {
        key: [item[key] for item in loaded]
        for key in ('inputs', 'data_samples')
    }


def predict_soft(
    model: nn.Module, loaded: Sequence[Mapping[str, Any]]
) -> list[tuple[MultiTaskDataSample, SoftMaps]]:
    """Predict values that a kind's ``finalize`` makes predictions of.

    Args:
        model: A :class:`MultiTaskSegmentor`.
        loaded: See :func:`batch_of`.

    Returns:
        Of each picture its data sample, without predictions, and
        ``{task: (K or C, H, W)}`` as :meth:`MultiTaskSegmentor.predict_soft`
        gives them, on the model's device.
    """
    with torch.no_grad():
        data = model.data_preprocessor(batch_of(loaded), False)
        found = model.predict_soft(**data)
    return list(zip(data['data_samples'], found, strict=True))
