"""Mean intersection over union of class maps."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.segmentation import (
    EmptyClasses,
    class_areas,
    class_iou,
    segmentation_scores,
)
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Classes


@METRICS.register_module()
class SegmentationMetric(BaseTaskMetric):
    """``mIoU``, ``mAcc`` and ``aAcc`` of class maps, in percent.

    Convention:
        Areas are added over the data set, then divided per class, then
        averaged over the classes. By default a class that occurs neither in
        predictions nor in labels counts as 0, as in the released code of
        DeMT and ATRC (yangyangxu0/DeMT at b638e14); mmseg leaves it out.
    """

    reports = ('mIoU', 'mAcc', 'aAcc')
    kind = Classes

    def __init__(
        self,
        *,
        task: str = 'semseg',
        num_classes: int | None = None,
        empty_classes: EmptyClasses = 'zero',
        per_class: bool = False,
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the configuration.

        Args:
            task: A task of kind ``classes``.
            num_classes: Number of classes; if None, as many as the data
                set's METAINFO names: ``<task>_classes``, ``classes`` for
                semseg.
            empty_classes: Whether a class without any pixel counts as 0 or
                is left out.
            per_class: Report ``IoU.<class>`` too. Off by default, since each
                of them would be a column of the log.
            prefix: See the base class.
            collect_device: See the base class.
            collect_dir: See the base class.

        Raises:
            ValueError: If ``empty_classes`` is neither of the two.
        """
        super().__init__(
            task=task,
            prefix=prefix,
            collect_device=collect_device,
            collect_dir=collect_dir,
        )
        if empty_classes not in ('zero', 'skip'):
            raise ValueError(
                f"empty_classes={empty_classes!r}: give 'zero' or 'skip'"
            )
        self.num_classes = num_classes
        self.empty_classes: EmptyClasses = empty_classes
        self.per_class = per_class

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, their ids where the data set has no names.

        Raises:
            ValueError: If neither the configuration nor the data set says
                how many classes there are, or they contradict each other.
        """
        key = self.row.classes_key
        names = (self.dataset_meta or {}).get(key)
        if names is None:
            if self.num_classes is None:
                raise ValueError(
                    f'the number of classes of {self.task!r} is not known: '
                    f'give SegmentationMetric num_classes, or the data set '
                    f'METAINFO[{key!r}]'
                )
            return tuple(map(str, range(self.num_classes)))
        if self.num_classes not in (None, len(names)):
            raise ValueError(
                f'num_classes={self.num_classes}, but the data set names '
                f'{len(names)} in METAINFO[{key!r}]: leave num_classes out'
            )
        return tuple(names)

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        num_classes = len(self.class_names)
        return (class_areas(prediction[0], label[0], num_classes),)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class."""
        (areas,) = sums
        scores = segmentation_scores(areas, self.empty_classes)
        if self.per_class:
            for name, iou in zip(
                self.class_names, class_iou(areas), strict=True
            ):
                scores[f'IoU.{name}'] = 100.0 * float(iou)
        return scores
