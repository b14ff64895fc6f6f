"""What the map of each task means, written once: the TaskSpec table.

A new task is one row here, one loss, one metric and one painter.
What depends on the data set (class names, palette, number of classes) stays
in the data set's ``METAINFO``; what depends on the recipe (loss, weight)
stays in the config.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
import torch
from torch import Tensor

from mmmtl.errors import did_you_mean

Decode = Literal[
    'argmax',
    'sigmoid',
    'sigmoid_or_softmax1',
    'l2_normalize',
    'clamp_min_0',
    'identity',
]


@dataclass(frozen=True)
class TaskSpec:
    """The meaning of one task's label and prediction maps.

    Convention:
        Labels and predictions are ``(C, H, W)``. ``ignore_value`` is the one
        value that means "no label here": padding, loss mask and metric mask
        all use it (see :func:`valid_mask`).

    Attributes:
        name: Name of the task in configs, losses and metrics.
        gt_field: Field of the label on a data sample.
        pred_field: Field of the prediction on a data sample.
        channels: Channels of the network's output; None where it is the
            number of classes.
        label_channels: Channels of the label map.
        dtype: Type of the label tensor.
        pred_dtype: Type of the prediction tensor.
        ignore_value: Value of every channel where there is no label.
        interpolation: How the label is resized.
        flips_x_sign: The first channel changes sign under a horizontal flip
            (and the second under a vertical one).
        rotates_xy: The first two channels turn with the image.
        follows_zoom: The value is divided by the factor by which the image
            is enlarged (an object drawn twice as large is half as far).
        decode: From network output to the values of the prediction.
        unit: Unit of the values.
        range: Smallest and largest value of a valid pixel.
    """

    name: str
    gt_field: str
    pred_field: str
    channels: int | None
    label_channels: int
    dtype: torch.dtype
    pred_dtype: torch.dtype
    ignore_value: float
    interpolation: Literal['nearest', 'bilinear']
    decode: Decode
    unit: str
    range: tuple[float, float]
    flips_x_sign: bool = False
    rotates_xy: bool = False
    follows_zoom: bool = False


def _class_map(name: str, gt_field: str, pred_field: str) -> TaskSpec:
    return TaskSpec(
        name=name,
        gt_field=gt_field,
        pred_field=pred_field,
        channels=None,
        label_channels=1,
        dtype=torch.int64,
        pred_dtype=torch.int64,
        ignore_value=255,
        interpolation='nearest',
        decode='argmax',
        unit='class id',
        range=(0, 254),
    )


def _binary_map(
    name: str, gt_field: str, pred_field: str, channels: int | None
) -> TaskSpec:
    return TaskSpec(
        name=name,
        gt_field=gt_field,
        pred_field=pred_field,
        channels=channels,
        label_channels=1,
        dtype=torch.int64,
        pred_dtype=torch.float32,
        ignore_value=255,
        interpolation='nearest',
        decode='sigmoid' if channels == 1 else 'sigmoid_or_softmax1',
        unit='probability',
        range=(0, 1),
    )


def _heat_map(name: str) -> TaskSpec:
    return TaskSpec(
        name=name,
        gt_field=f'gt_{name}',
        pred_field=f'pred_{name}',
        channels=1,
        label_channels=1,
        dtype=torch.float32,
        pred_dtype=torch.float32,
        # 0 and 1 are ordinary values of a heat map, so no number is free to
        # mean "no label".
        ignore_value=math.nan,
        interpolation='nearest',
        decode='identity',
        unit='share of the full range',
        range=(0, 1),
    )


_ROWS = (
    _class_map('semseg', 'gt_sem_seg', 'pred_sem_seg'),
    TaskSpec(
        name='depth',
        gt_field='gt_depth_map',
        pred_field='pred_depth_map',
        channels=1,
        label_channels=1,
        dtype=torch.float32,
        pred_dtype=torch.float32,
        ignore_value=0,
        interpolation='nearest',
        decode='clamp_min_0',
        unit='metre along the optical axis',
        range=(0, math.inf),
        follows_zoom=True,
    ),
    TaskSpec(
        name='normals',
        gt_field='gt_normals',
        pred_field='pred_normals',
        channels=3,
        label_channels=3,
        dtype=torch.float32,
        pred_dtype=torch.float32,
        ignore_value=0,
        # Averaged unit vectors are no unit vectors, so nearest.
        interpolation='nearest',
        decode='l2_normalize',
        unit='unit vector; x right, y down, z forward, facing the camera',
        range=(-1, 1),
        flips_x_sign=True,
        rotates_xy=True,
    ),
    _binary_map('edge', 'gt_edge_map', 'pred_edge_map', channels=1),
    # Published with two softmax channels (ATRC family) and with one sigmoid
    # channel (MTI-Net family): the head's channel count decides.
    _binary_map('saliency', 'gt_saliency', 'pred_saliency', channels=None),
    _class_map('human_parts', 'gt_human_parts', 'pred_human_parts'),
    _heat_map('reshading'),
    _heat_map('keypoints2d'),
    _heat_map('edges2d'),
)

#: Every task mmmtl knows, by name.
TASK_SPECS: dict[str, TaskSpec] = {row.name: row for row in _ROWS}


def get_task_spec(name: str) -> TaskSpec:
    """Return the row of a task.

    Args:
        name: Task name.

    Returns:
        The task's row.

    Raises:
        ValueError: If no row has this name; the message names the closest
            known tasks.
    """
    if name not in TASK_SPECS:
        raise ValueError(
            f'unknown task {name!r}: {did_you_mean(name, TASK_SPECS)}'
        )
    return TASK_SPECS[name]


def check_tasks(tasks: Iterable[str]) -> tuple[str, ...]:
    """Return the tasks as a tuple after checking every name.

    Args:
        tasks: Task names, in the order of the config.

    Returns:
        The same names.

    Raises:
        ValueError: If the list is empty, holds an unknown task or a task
            twice.
    """
    names = tuple(tasks)
    if not names:
        raise ValueError(
            f'tasks is empty: name at least one of {sorted(TASK_SPECS)}'
        )
    for name in names:
        get_task_spec(name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'tasks holds {twice} more than once: {list(names)}')
    return names


@overload
def valid_mask(label: Tensor, spec: TaskSpec) -> Tensor: ...
@overload
def valid_mask(label: np.ndarray, spec: TaskSpec) -> np.ndarray: ...
def valid_mask(
    label: Tensor | np.ndarray, spec: TaskSpec
) -> Tensor | np.ndarray:
    """Return True where the label map holds a label.

    Convention:
        A pixel without a label holds ``spec.ignore_value`` in all channels:
        255 for classes, edges and saliency, NaN for heat maps, (0, 0, 0) for
        normals. Depth is valid where it is finite and greater than 0, which
        covers its ignore value 0.

    Args:
        label: ``(..., C, H, W)`` label map.
        spec: The task's row.

    Returns:
        Boolean ``(..., 1, H, W)`` of the same library as ``label``.
    """
    axis = -3
    if spec.name == 'depth':
        finite = (
            torch.isfinite(label)
            if isinstance(label, Tensor)
            else np.isfinite(label)
        )
        return finite & (label > 0)
    # NaN is the one value that differs from itself.
    present = (
        label == label
        if math.isnan(spec.ignore_value)
        else label != spec.ignore_value
    )
    if isinstance(present, Tensor):
        return present.any(dim=axis, keepdim=True)
    return present.any(axis=axis, keepdims=True)
