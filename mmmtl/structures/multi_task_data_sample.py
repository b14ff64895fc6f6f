"""The data sample: one image's labels and predictions for every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmmtl.errors import did_you_mean
from mmmtl.tasks import FIELDS, get_task

# mmseg's own extra field; heads of mmseg that are reused here write it.
_FREE_FIELDS = {'seg_logits'}


class MultiTaskDataSample(SegDataSample):
    """Labels and predictions of one image, one ``PixelData`` per task.

    The field names are those of :data:`mmmtl.tasks.FIELDS`, and mmseg's own
    where mmseg has one, so mmseg's metrics and tools read the sample
    unchanged. A field that is not in the table, or a map of another type or
    number of channels than its kind says, is refused when it is assigned,
    before anything is stored. The table is asked each time: a task that is
    registered later has its fields from then on.

    Examples:
        >>> sample = MultiTaskDataSample()
        >>> sample.set_gt('depth', torch.ones(1, 4, 6))
        >>> sample.gt_depth_map.data.shape
        torch.Size([1, 4, 6])
    """

    def set_field(
        self,
        value: Any,
        name: str,
        dtype: type | tuple[type, ...] | None = None,
        field_type: str = 'data',
    ) -> None:
        """Store a field after checking its name, type and channels.

        Args:
            value: The field's value; ``PixelData`` for a map.
            name: The field's name.
            dtype: Type that the value must have.
            field_type: ``'data'`` or ``'metainfo'``.

        Raises:
            AttributeError: If the name is in no row of the table.
            TypeError: If the value is no ``PixelData`` with a tensor in
                ``data``, or has the wrong dtype.
            ValueError: If the map has the wrong number of channels.
        """
        if field_type == 'data':
            # mmseg stores its property fields under a leading underscore.
            public = name.removeprefix('_')
            is_property = isinstance(
                getattr(type(self), public, None), property
            )
            _check_field(public if is_property else name, value)
        super().set_field(value, name, dtype, field_type)

    def set_gt(self, task: str, label: Tensor | np.ndarray) -> None:
        """Store a ``(C, H, W)`` label map."""
        setattr(self, get_task(task).gt_field, PixelData(data=label))

    def get_gt(self, task: str) -> Tensor:
        """Return the ``(C, H, W)`` label map of a task."""
        return getattr(self, get_task(task).gt_field).data

    def has_gt(self, task: str) -> bool:
        """Return whether the sample carries a label of this task."""
        return get_task(task).gt_field in self

    def set_pred(self, task: str, prediction: Tensor | np.ndarray) -> None:
        """Store a ``(C, H, W)`` prediction."""
        setattr(self, get_task(task).pred_field, PixelData(data=prediction))

    def get_pred(self, task: str) -> Tensor:
        """Return the ``(C, H, W)`` prediction of a task."""
        return getattr(self, get_task(task).pred_field).data

    def has_pred(self, task: str) -> bool:
        """Return whether the sample carries a prediction of this task."""
        return get_task(task).pred_field in self


def stack_labels(
    samples: Sequence[MultiTaskDataSample],
    task: str,
    size: tuple[int, ...],
    device: torch.device,
) -> Tensor:
    """Stack one task's labels; a sample without it is "no label" throughout.

    Args:
        samples: The batch, its labels padded to a common size.
        task: Task name.
        size: ``(H, W)`` of every label.
        device: Where the result is needed.

    Returns:
        ``(B, C, H, W)`` labels of the kind's dtype; its ``no_label`` where
        a sample has no label of this task.
    """
    kind = get_task(task).kind
    missing = torch.full(
        (kind.components, *size), kind.no_label, dtype=kind.dtype
    )
    labels = [
        sample.get_gt(task) if sample.has_gt(task) else missing
        for sample in samples
    ]
    return torch.stack([label.to(device) for label in labels])


def sample_names(samples: Sequence[Any]) -> list[str]:
    """Return what to call the samples of a batch in a message.

    Args:
        samples: Data samples, also of other libraries.

    Returns:
        The id, else the path of the image, else the place in the batch.
    """
    known = [getattr(sample, 'metainfo', {}) for sample in samples]
    return [
        str(info.get('sample_id') or info.get('img_path') or f'number {i}')
        for i, info in enumerate(known)
    ]


def _check_field(name: str, value: Any) -> None:
    if name in _FREE_FIELDS:
        return
    if name not in FIELDS:
        raise AttributeError(
            f'MultiTaskDataSample has no field {name!r}: '
            f'{did_you_mean(name, {*FIELDS, *_FREE_FIELDS})}'
        )
    if not isinstance(value, PixelData) or 'data' not in value:
        raise TypeError(f'{name} must be a PixelData(data=map), found {value}')
    row = FIELDS[name]
    kind = row.kind
    dtype = kind.dtype if name == row.gt_field else kind.pred_dtype
    _check_map(name, value.data, kind.components, dtype)


def _check_map(
    name: str, data: Tensor | np.ndarray, components: int, dtype: torch.dtype
) -> None:
    found: Any = data.dtype
    if isinstance(data, Tensor):
        # float16 and bfloat16 predictions come out of mixed precision.
        same = found == dtype or (
            dtype.is_floating_point and found.is_floating_point
        )
    else:
        same = found.kind == ('f' if dtype.is_floating_point else 'i')
    if not same:
        raise TypeError(
            f'{name} must be {dtype}, found {found}: convert the map first'
        )
    if data.shape[0] != components:
        raise ValueError(
            f'{name} must be ({components}, H, W), found {tuple(data.shape)}'
        )
