"""Where a model's queries look in a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from mmmtl.apis.outputs import choose_tasks
from mmmtl.apis.pictures import Picture, PicturePipeline
from mmmtl.errors import UserError
from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.models.mqtransformer import MultiQueryHead
from mmmtl.models.postprocess import restore_pixels


@dataclass(frozen=True)
class QueryMaps:
    """The attention of a model's queries on one picture.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB.
        attention: ``{task: (Q, h, w)}``, the network's weights; a query's
            sum to 1 over its pixels, those of the padding included.
        input_size: Height and width of the network's input.
        metainfo: How the picture became that input.
    """

    image: np.ndarray
    attention: dict[str, np.ndarray]
    input_size: tuple[int, int]
    metainfo: Mapping[str, Any]

    def on_picture(self, maps: np.ndarray) -> np.ndarray:
        """Resize ``(n, h, w)`` maps to ``(n, H, W)`` as predictions are."""
        resized = resize_bilinear(
            torch.from_numpy(maps)[None], self.input_size
        )
        return restore_pixels(resized[0], self.metainfo).numpy()


def check_query_tasks(
    model: nn.Module, tasks: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the tasks whose queries are to be read out.

    Args:
        model: Any model.
        tasks: Some of its tasks; all if None.

    Raises:
        UserError: If the model has no queries.
        ValueError: If it has not such a task.
    """
    head = getattr(model, 'decode_head', None)
    if not isinstance(head, MultiQueryHead):
        name = type(model if head is None else head).__name__
        raise UserError(
            f'{name} has no queries to show; give a config whose decode_head '
            'is a MultiQueryHead, for instance '
            'configs/mqtransformer/mqtransformer_swin-t_nyud.py'
        )
    return choose_tasks(head.tasks, tasks)


@torch.no_grad()
def query_maps(
    model: nn.Module, picture: Picture, tasks: Sequence[str]
) -> QueryMaps:
    """Let a model look at a picture.

    Args:
        model: From :func:`mmmtl.apis.init_model`; it sees the whole picture,
            also where its ``test_cfg`` would slide over it.
        picture: The picture.
        tasks: From :func:`check_query_tasks`.
    """
    loaded = PicturePipeline(model.cfg)(picture)
    data = model.data_preprocessor(
        {key: [loaded[key]] for key in ('inputs', 'data_samples')}
    )
    features = model.extract_feat(data['inputs'])
    _, queries = model.decode_head(features, return_queries=True)
    return QueryMaps(
        image=np.ascontiguousarray(loaded['image'][..., ::-1]),
        attention={
            task: queries[task].attention[0].float().cpu().numpy()
            for task in tasks
        },
        input_size=tuple(data['inputs'].shape[-2:]),
        metainfo=data['data_samples'][0].metainfo,
    )
