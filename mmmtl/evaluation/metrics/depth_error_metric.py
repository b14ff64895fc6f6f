"""Errors of metric depth."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.depth import (
    depth_error_sums,
    depth_scores,
    inverse_depth_error_sums,
    inverse_depth_scores,
)
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Depth


@METRICS.register_module()
class DepthErrorMetric(BaseTaskMetric):
    """``rmse``, ``abs_err`` (metre) and the usual relative errors of depth.

    Convention:
        ``average='pixels'``: every valid pixel of the data set counts the
        same. ``'images'``: the scores of each image are averaged, as mmseg's
        ``DepthMetric`` does, and as the Cityscapes figures of MTAN and LibMTL
        are made (at batch size 1); not comparable with the former.
        Predictions are clamped at >= 0, in ratios and logarithms
        at >= 1 mm. Shares (``delta1..3``) are in percent.
        ``inverse=True`` adds the same two errors of inverse depth:
        ``inv_abs_err`` (1 / metre) and ``inv_abs_rel``, where depths nearer
        than 10 cm count as 10 cm. Inverse depth is disparity divided by the
        camera's baseline times focal length; the relative error is that of
        disparity.

    Departs:
        The released code (yangyangxu0/DeMT at b638e14) takes its own ignore
        value, 255, for a depth; here no pixel without label is counted. Both
        agree on labels without gaps, as NYUD-v2's.
    """

    reports = (
        'rmse',
        'abs_err',
        'abs_rel',
        'sq_rel',
        'log10',
        'rmse_log',
        'delta1',
        'delta2',
        'delta3',
    )
    may_report = ('inv_abs_err', 'inv_abs_rel')
    errors = MappingProxyType(
        {
            **dict.fromkeys(('rmse', 'abs_err', 'sq_rel'), 'm'),
            **dict.fromkeys(('abs_rel', 'log10', 'rmse_log'), ''),
            'inv_abs_err': '1/m',
            'inv_abs_rel': '',
        }
    )
    kind = Depth

    def __init__(
        self,
        *,
        task: str = 'depth',
        average: Literal['pixels', 'images'] = 'pixels',
        max_depth: float | None = None,
        inverse: bool = False,
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the configuration.

        Args:
            task: A task of kind ``depth``.
            average: What counts the same: every pixel or every image.
            max_depth: Metres; pixels whose label is as far or farther are
                left out (80 is usual for Cityscapes). None keeps all.
            inverse: Report errors of inverse depth too.
            prefix: See the base class.
            collect_device: See the base class.
            collect_dir: See the base class.

        Raises:
            ValueError: If ``average`` is neither of the two.
        """
        super().__init__(
            task=task,
            prefix=prefix,
            collect_device=collect_device,
            collect_dir=collect_dir,
        )
        if average not in ('pixels', 'images'):
            raise ValueError(f"average={average!r}: give 'pixels' or 'images'")
        self.average = average
        self.max_depth = np.inf if max_depth is None else max_depth
        self.inverse = inverse
        if inverse:
            self.reports = (*self.reports, *self.may_report)

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        near = label[0] < self.max_depth
        pair = prediction[0][near], label[0][near]
        sums = depth_error_sums(*pair)
        if self.inverse:
            sums = np.append(sums, inverse_depth_error_sums(*pair))
        count = int(np.count_nonzero(near))
        if self.average == 'pixels':
            return sums, np.array(count)
        if not count:
            return np.zeros(len(self.reports)), np.array(0)
        scores = self._scores(sums, count)
        return np.array([scores[name] for name in self.reports]), np.array(1)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class.

        Raises:
            ValueError: If every label is beyond ``max_depth``.
        """
        total, number = sums
        if not number:
            raise ValueError(
                f'DepthErrorMetric: all {count} labelled pixels are beyond '
                f'max_depth={self.max_depth} m: raise it, or check the unit '
                'of the depth labels'
            )
        if self.average == 'pixels':
            return self._scores(total, int(number))
        means = (total / number).tolist()
        return dict(zip(self.reports, means, strict=True))

    def _scores(self, sums: np.ndarray, count: int) -> dict[str, float]:
        """Turn what ``measure`` adds up into scores, by name."""
        if not self.inverse:
            return depth_scores(sums, count)
        depth, inverse = np.split(sums, [-len(self.may_report)])
        return {
            **depth_scores(depth, count),
            **inverse_depth_scores(inverse, count),
        }
