"""F-measure, mean absolute error and IoU of saliency maps."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.saliency import (
    SALIENCY_PROTOCOLS,
    saliency_scores,
    saliency_sums,
)
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Binary


@METRICS.register_module()
class SaliencyMetric(BaseTaskMetric):
    """``maxF`` (percent) and ``mae`` (0..1) of saliency probabilities.

    Convention:
        ``protocol`` decides what is averaged over what; numbers of different
        protocols are not comparable.

        ``'dataset'``: hits, predicted and labelled pixels are added over the
        data set at the thresholds 0.05, 0.10, ... 0.95, F has beta^2 = 0.3,
        the best F counts (brdav/atrc, yangyangxu0/DeMT at b638e14). The
        absolute error is the mean over all pixels.

        ``'mti-net'``: precision and recall of each image at 15 thresholds
        0.2 ... 0.9 are averaged over the images, then F has beta^2 = 1. The
        absolute error is the mean over images.

        ``'mti-net-files'``: what that code, and SCA-MTL's, publish. Maps are
        measured as the picture files that it stores: 255 times the
        probability, its fraction cut off. Salient is what is *above* one of
        the same 15 thresholds. ``mIoU`` (percent) is the mean over the
        images of the IoU of salient pixels, 1 where neither prediction nor
        label has one, at the best threshold. F has beta^2 = 0.3; a precision
        or recall that is 0/0 counts as 0, which the sources leave open. The
        absolute error is the mean over images, of the stored maps.

        ``'sod'``: each map is stretched to 0..1, F (beta^2 = 0.3) of each
        image at 256 thresholds is averaged over the images. The absolute
        error is the mean over images.

        A pixel is predicted salient where its probability is >= the
        threshold, unless said otherwise.
    """

    reports = ('maxF', 'mae')
    may_report = ('mIoU',)
    errors = MappingProxyType({'mae': ''})
    kind = Binary

    def __init__(
        self,
        *,
        task: str = 'saliency',
        protocol: Literal[
            'dataset', 'mti-net', 'mti-net-files', 'sod'
        ] = 'dataset',
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the configuration.

        Args:
            task: A task of kind ``binary``.
            protocol: Name of the protocol, see above.
            prefix: See the base class.
            collect_device: See the base class.
            collect_dir: See the base class.
        """
        super().__init__(
            task=task,
            prefix=prefix,
            collect_device=collect_device,
            collect_dir=collect_dir,
        )
        self.protocol = SALIENCY_PROTOCOLS[protocol]
        if self.protocol.stored:
            self.reports = (*self.reports, *self.may_report)

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        sums = saliency_sums(prediction[0], label[0], self.protocol)
        return (*sums, np.ones(1, dtype=np.int64))

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class.

        Raises:
            ValueError: If no labelled pixel is salient: F is 0/0 then.
        """
        *measured, (num_images,) = sums
        if not measured[0][2].any():
            raise ValueError(
                f'SaliencyMetric: none of {count} labelled pixels is '
                'salient: check the saliency labels of the validation set'
            )
        return saliency_scores(
            tuple(measured),
            num_images=int(num_images),
            num_pixels=count,
            protocol=self.protocol,
        )
