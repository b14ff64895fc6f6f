"""A model as one graph: pictures in, maps in real units out."""

from __future__ import annotations

import math
from copy import deepcopy

import torch
from torch import Tensor, nn

from mmmtl.deploy.picture_steps import PictureSteps
from mmmtl.deploy.plain_layers import make_plain
from mmmtl.errors import UserError
from mmmtl.models.postprocess import undo_augmentation
from mmmtl.models.segmentors import MultiTaskSegmentor
from mmmtl.tasks import get_task


class ExportableModel(nn.Module):
    """Everything between a picture's pixels and the maps of its tasks.

    Convention:
        In: ``(N, H, W, 3)`` uint8 RGB. Out: ``{task: map}`` at the picture's
        size, ``(N, H, W)``, or ``(N, H, W, C)`` for kinds of several
        components. Types and units are those of the tasks' kinds: class ids
        int64, metres, unit vectors and probabilities float32. A graph cannot
        raise: where ``predict`` refuses logits that are NaN or infinite, the
        task's whole map is :func:`void_of` it.
    """

    def __init__(self, model: MultiTaskSegmentor, steps: PictureSteps) -> None:
        """Put the parts together; see :func:`make_exportable`."""
        super().__init__()
        self.model = model
        self.steps = steps

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the outputs, in their order."""
        return self.model.tasks

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict; see the class."""
        inputs, metainfo = self.steps(image)
        batch = self.model.test_logits(inputs)
        outputs = self.model.decode_head.outputs
        maps = {
            task: undo_augmentation(
                task,
                outputs[task].to_values(logits),
                metainfo,
                class_resize=self.model.test_cfg['class_resize'],
                then=get_task(task).kind.decode,
            )
            for task, logits in batch.items()
        }
        return {
            task: _components_last(
                _void_if_spoiled(values, batch[task], void_of(task))
            )
            for task, values in maps.items()
        }


def make_exportable(model: nn.Module, steps: PictureSteps) -> ExportableModel:
    """Return a copy of a model that can be exported.

    Args:
        model: A :class:`MultiTaskSegmentor`, as
            :func:`mmmtl.apis.init_model` builds it; it stays as it is.
        steps: From :func:`measure_steps`.

    Raises:
        UserError: If it is another kind of model.
    """
    if not isinstance(model, MultiTaskSegmentor):
        raise UserError(
            f'{type(model).__name__} cannot be exported: give a config whose '
            'model is a MultiTaskSegmentor'
        )
    model = deepcopy(model).cpu().float().eval().requires_grad_(False)
    make_plain(model)
    return ExportableModel(model, steps).eval()


def void_of(task: str) -> float:
    """Return what the whole map of a task is whose logits are not finite.

    Args:
        task: Task name.

    Returns:
        NaN; for class ids "no label", for other whole numbers their lowest.
    """
    kind = get_task(task).kind
    if kind.pred_dtype.is_floating_point:
        return math.nan
    if kind.has_classes:
        return kind.no_label
    return torch.iinfo(kind.pred_dtype).min


def _void_if_spoiled(maps: Tensor, logits: Tensor, void: float) -> Tensor:
    """Void the maps of pictures whose logits are not finite."""
    # One sum over all: NaN and infinity stay in it.
    spoiled = ~logits.flatten(1).sum(1).isfinite()  # (N,)
    return maps.masked_fill(spoiled[:, None, None, None], void)


def _components_last(maps: Tensor) -> Tensor:
    """Turn ``(N, C, H, W)`` into ``(N, H, W)`` or ``(N, H, W, C)``."""
    return maps[:, 0] if maps.shape[1] == 1 else maps.permute(0, 2, 3, 1)
