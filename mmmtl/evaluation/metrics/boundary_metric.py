"""The published boundary scores odsF, oisF and AP."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmmtl.evaluation.boundary_folder import read_outline
from mmmtl.evaluation.functional.boundary import (
    best_counts,
    boundary_scores,
    image_counts,
    protocol_thresholds,
    to_grey,
)
from mmmtl.evaluation.image_lists import read_image_list
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.io.workers import start_workers
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Binary

# Maps that wait for a worker, per worker: enough to keep it busy.
_QUEUE = 4


@METRICS.register_module()
class BoundaryMetric(BaseTaskMetric):
    """``odsF``, ``oisF``, ``AP`` of boundaries, in percent.

    Convention:
        ``protocol='berkeley'``: the sample's label, thinned, at 99
        thresholds; the best F may lie between two of them.

        ``'seism'``: what the tool of the multi-task papers does, reported as
        ``seism_odsF`` alone, so that both can stand in one evaluator. The
        label is the thinned outline of the map that the label file stores,
        at 101 thresholds; the best F is at one of them. Every pixel counts:
        the tool knows no "no label".

        The stored map is not the sample's label: that of PASCAL-Context has
        459 classes, the label has lines only. So the metric opens the file
        that ``label_paths`` of the sample names, whatever the pipeline did
        to the label, and predictions must have the size of that file.

        Probabilities are cut to 8 bit as in the published protocol, so the
        scores equal those of ``tools/analysis_tools/boundary_eval.py`` on
        pictures of the same maps. Pixels without label count neither as
        predicted nor as labelled; the tolerance is a share of the diagonal
        of the whole map. Counts are added over the data set; see
        :mod:`mmmtl.evaluation.functional.boundary`.
    """

    reports = ('odsF', 'oisF', 'AP')
    may_report = ('seism_odsF',)
    kind = Binary

    def __init__(
        self,
        *,
        task: str = 'edge',
        max_dist: float,
        protocol: Literal['berkeley', 'seism'] = 'berkeley',
        ids: str | Path | None = None,
        nms: bool = True,
        thin: bool = True,
        thin_labels: bool = True,
        thresholds: int | None = None,
        workers: int = 0,
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the protocol.

        Args:
            task: A task of kind ``binary``.
            max_dist: Tolerance as a share of the image diagonal; published:
                0.011 for NYUDv2, 0.0075 for PASCAL-Context.
            protocol: See above.
            ids: Measure only these samples, all of which must be there: a
                text file of sample ids, or ``'pascal_context_seism'``, the
                2,498 images of the published figures. None measures all.
            nms: Keep only the crests of the predicted lines first.
            thin: Thin what is above a threshold to lines of one pixel.
            thin_labels: Thin the labels likewise; False takes them as they
                are.
            thresholds: How many, evenly spaced: ``k / (thresholds + 1)``;
                None takes those of the protocol.
            workers: Processes that measure while the model predicts, for
                each process of the run; 0 measures in place.
            prefix: See the base class.
            collect_device: See the base class.
            collect_dir: See the base class.

        Raises:
            ValueError: If the tolerance is no share, or the protocol none
                of the two.
        """
        if not 0 < max_dist < 1:
            raise ValueError(
                f'max_dist={max_dist}: it is a share of the diagonal, give '
                '0.011 (NYUDv2) or 0.0075 (PASCAL-Context)'
            )
        if protocol not in ('berkeley', 'seism'):
            raise ValueError(
                f"protocol={protocol!r}: give 'berkeley' or 'seism'"
            )
        super().__init__(
            task=task,
            prefix=prefix,
            collect_device=collect_device,
            collect_dir=collect_dir,
        )
        self.max_dist = max_dist
        self.nms = nms
        self.thin = thin
        self.thin_labels = thin_labels
        self.seism = protocol == 'seism'
        if self.seism:
            self.reports = self.may_report
        self.ids = None if ids is None else frozenset(read_image_list(ids))
        self.thresholds = protocol_thresholds(protocol, thresholds)
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: deque[Future] = deque()

    def process(
        self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]
    ) -> None:
        """See the base class."""
        super().process(data_batch, data_samples)
        while len(self._waiting) > _QUEUE * self.workers:
            self._waiting.popleft().result()

    def evaluate(self, size: int) -> dict[str, float]:
        """Wait for the workers, then see the base class.

        Args:
            size: Number of samples of the data set.

        Returns:
            Score by name.
        """
        self._finish()
        return super().evaluate(size)

    def read_label(self, sample: Mapping[str, Any]) -> np.ndarray | None:
        """See the base class; None too if ``ids`` leaves the sample out."""
        if self.ids is not None and sample['sample_id'] not in self.ids:
            return None
        label = super().read_label(sample)
        if label is None or not self.seism:
            return label
        return read_outline(sample['label_paths'][self.task])[None]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """See the base class.

        Raises:
            ValueError: If images of ``ids`` were not measured.
        """
        count = sum(bool(entry) for entry in results)
        if self.ids is not None and count < len(self.ids):
            raise ValueError(
                f'BoundaryMetric: the data set has {count} of the '
                f'{len(self.ids)} images that ids names, and the score is '
                'over all of them: evaluate the whole set, or with ids=None '
                'what is there'
            )
        return super().compute_metrics(results)

    def measure_maps(
        self, prediction: np.ndarray, label: np.ndarray, valid: np.ndarray
    ) -> Sums | Future:
        """See the base class; a promise of the sums if there are workers."""
        work = (
            to_grey(np.where(valid, prediction[0], 0).astype(np.float32)),
            valid & (label[0] == 1),
            self.thresholds,
            self.max_dist,
            self.nms,
            self.thin,
            self.thin_labels,
        )
        if not self.workers:
            return _measure(*work)
        if self._pool is None:
            self._pool = start_workers(self.workers)
        self._waiting.append(self._pool.submit(_measure, *work))
        return self._waiting[-1]

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class.

        Raises:
            ValueError: If no labelled pixel is a boundary.
        """
        counts, best = sums
        scores = boundary_scores(
            counts, best, self.thresholds, interpolate=not self.seism
        )
        if self.seism:
            return {'seism_odsF': 100 * scores.ods_f}
        return {
            'odsF': 100 * scores.ods_f,
            'oisF': 100 * scores.ois_f,
            'AP': 100 * scores.ap,
        }

    def _finish(self) -> None:
        """Replace every promise by its sums and stop the workers."""
        if self._pool is None:
            return
        try:
            self.results = [
                entry and (entry[0], entry[1].result(), *entry[2:])
                for entry in self.results
            ]
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            self._waiting.clear()


def _measure(
    grey: np.ndarray,
    label: np.ndarray,
    thresholds: np.ndarray,
    max_dist: float,
    nms: bool,
    thin: bool,
    thin_labels: bool,
) -> Sums:
    counts = image_counts(
        grey / 255,
        [label],
        thresholds=thresholds,
        max_dist=max_dist,
        nms=nms,
        thin=thin,
        thin_labels=thin_labels,
    )
    return counts, best_counts(counts)
