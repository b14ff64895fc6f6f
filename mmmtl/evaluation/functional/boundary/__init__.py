"""Exact, deterministic boundary precision and recall without MATLAB.

The order of the work: :mod:`.nms` (optional), thinning of all thresholds at
once (:mod:`mmmtl.geometry.thinning`), :mod:`.matching`, :mod:`.counts`, which
has the summary too. :func:`mmmtl.geometry.outline` makes labels from maps of
regions.

Measure: D. R. Martin, C. C. Fowlkes and J. Malik, "Learning to detect
natural image boundaries using local brightness, color, and texture cues",
IEEE TPAMI 26 (2004), in the form of the Berkeley segmentation benchmark.

Two protocols differ in labels, thresholds and summary:

``'berkeley'``: the label as the data set decodes it, thinned; 99 thresholds;
the best F may lie between two of them.

``'seism'``: the tool that the multi-task papers evaluate with
(jponttuset/seism at 6af0cad with the wrappers of
prismformore/Boundary-Detection-Evaluation-Tools at 1c3b850): the outline of
the stored map, thinned; 101 thresholds; the best F at one of them.

Faithful: thinning after the threshold and of the labels; tolerance as a share
of the diagonal; pixels of several annotators; thresholds, F between them and
AP as in the benchmark's summary.

Departs: the benchmark approximates the matching (its solver adds random links
to outliers and moves by a few pixels from run to run). Here its number of
pairs is the largest possible, found exactly.
"""

from mmmtl.evaluation.functional.boundary.counts import (
    BoundaryScores,
    best_counts,
    boundary_scores,
    even_thresholds,
    f_score,
    image_counts,
    protocol_thresholds,
    recall_precision,
    to_grey,
)
from mmmtl.evaluation.functional.boundary.nms import suppress_non_maxima

__all__ = [
    'BoundaryScores',
    'best_counts',
    'boundary_scores',
    'even_thresholds',
    'f_score',
    'image_counts',
    'protocol_thresholds',
    'recall_precision',
    'suppress_non_maxima',
    'to_grey',
]
