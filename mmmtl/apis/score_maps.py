"""Measures the maps of any project against labels, by a named protocol.

Published figures of one task are made in several ways that are not
comparable. So a figure carries the name of its protocol here, and what
another one would have given can stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmmtl.datasets.folder.encodings import (
    Decoder,
    check_settings,
    make_decoder,
    read_colours,
)
from mmmtl.engine.results import describe_versions
from mmmtl.errors import (
    EncodingError,
    SizeMismatchError,
    UserError,
    did_you_mean,
)
from mmmtl.evaluation.boundary_folder import (
    MapPair,
    all_problems,
    check_pairs,
    count_pairs,
    masks_of_0_and_1,
    pair_maps,
    read_strength,
)
from mmmtl.evaluation.functional.boundary import (
    best_counts,
    boundary_scores,
    protocol_thresholds,
)
from mmmtl.evaluation.image_lists import read_image_list
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.io.arrays import READ_ERRORS, read_array, unreadable
from mmmtl.io.workers import progress
from mmmtl.registry import METRICS, class_of, takes_argument
from mmmtl.tasks import Task, get_task
from mmmtl.tasks.kinds import Binary

# Settings of a label that a prediction has not: it answers everywhere.
_ONLY_LABELS = ('no_label',)
# Settings of a data set, which has to find its files first.
_ONLY_DATA_SETS = ('path', 'missing', 'fit', 'polygons', 'names', 'outside')


@dataclass(frozen=True)
class Protocol:
    """How maps become figures.

    Attributes:
        says: What counts, in one sentence.
        metric: Config of the metric; empty for boundaries, which are matched
            by :mod:`mmmtl.evaluation.boundary_folder`.
    """

    says: str
    metric: Mapping[str, Any] = field(default_factory=dict)


def _saliency(says: str, name: str) -> Protocol:
    return Protocol(says, dict(type='SaliencyMetric', protocol=name))


_POOLED = 'every labelled pixel of all images counts the same'
#: Kind of a task, or what a mask shows -> name -> protocol. The first of a
#: row is the one that is taken where none is named.
PROTOCOLS: dict[str, dict[str, Protocol]] = {
    'classes': {
        'zero': Protocol(
            'areas are added over all images; a class that occurs nowhere '
            'counts as 0 (as DeMT and ATRC)',
            dict(type='SegmentationMetric', empty_classes='zero'),
        ),
        'skip': Protocol(
            'areas are added over all images; a class that occurs nowhere is '
            'left out (as mmseg)',
            dict(type='SegmentationMetric', empty_classes='skip'),
        ),
    },
    'depth': {
        'pixels': Protocol(
            _POOLED, dict(type='DepthErrorMetric', average='pixels')
        ),
        'images': Protocol(
            'the figures of each image are averaged (as MTAN, LibMTL, MulT)',
            dict(type='DepthErrorMetric', average='images'),
        ),
    },
    'normals': {'pixels': Protocol(_POOLED, dict(type='NormalsMetric'))},
    'scalar': {'pixels': Protocol(_POOLED, dict(type='ScalarMetric'))},
    'regions': {
        'mask': Protocol(
            'a pixel is 1 at a probability of 0.5; counts are added over all '
            'images',
            dict(type='BinaryMetric'),
        ),
        'dataset': _saliency(
            'counts are added over all images at 19 thresholds, beta^2 = 0.3 '
            '(as ATRC and DeMT)',
            'dataset',
        ),
        'mti-net': _saliency(
            'precision and recall of the images are averaged at 15 '
            'thresholds, beta^2 = 1 (as MTI-Net while it trains)',
            'mti-net',
        ),
        'mti-net-files': _saliency(
            'maps are cut to 8 bit; precision and recall of the images are '
            'averaged at 15 thresholds, beta^2 = 0.3 (as MTI-Net and SCA-MTL '
            'publish)',
            'mti-net-files',
        ),
        'sod': _saliency(
            'each map is stretched to 0..1; F of the images is averaged at '
            '256 thresholds, beta^2 = 0.3 (as toolboxes of salient objects)',
            'sod',
        ),
    },
    'lines': {
        'berkeley': Protocol(
            'thinned lines are matched within a tolerance at 99 thresholds; '
            'the best F may lie between two (as the Berkeley benchmark)'
        ),
        'seism': Protocol(
            'the label is the outline of the stored map; 101 thresholds, the '
            'best F is at one (as the tool of the multi-task papers)'
        ),
        'exact': Protocol(
            'pixels must coincide, without thinning or tolerance, at 9 '
            'thresholds (a development figure)',
            dict(type='PixelEdgeMetric'),
        ),
    },
}


def protocols_of(task: str) -> dict[str, Protocol]:
    """Return the protocols by which a task can be measured, by name.

    Args:
        task: Task name. Binary tasks whose own metric matches boundaries, as
            that of edge does, are measured as lines, others as regions; a
            kind of another package has its own metric alone.
    """
    row = get_task(task)
    if isinstance(row.kind, Binary):
        metric = class_of(METRICS, row.metric)
        lines = metric is METRICS.get('BoundaryMetric')
        return PROTOCOLS['lines' if lines else 'regions']
    if row.kind_name in PROTOCOLS:
        return PROTOCOLS[row.kind_name]
    own = Protocol(f'as {row.metric["type"]}, the own metric', row.metric)
    return {'own': own}


def score_maps(
    predictions: str | Path,
    ground_truth: str | Path,
    *,
    task: str,
    protocol: str | None = None,
    classes: int | None = None,
    max_depth: float | None = None,
    max_dist: float | None = None,
    pred: Mapping[str, Any] | None = None,
    gt: Mapping[str, Any] | None = None,
    ids: str | Path | None = None,
    workers: int = 1,
    explain: bool = False,
) -> dict[str, Any]:
    """Measure a folder of maps.

    Maps are paired by file stem. They are ``.png`` or ``.npy``: class ids;
    metres; unit vectors in our frame (x right, y down, z forward), bytes as
    2 v / 255 - 1; probabilities as 0..1 or as grey levels. ``pred`` and
    ``gt`` say where files hold something else.

    Args:
        predictions: Folder of predicted maps.
        ground_truth: Folder of labels; lines may be ``.mat`` files.
        task: Task name.
        protocol: One of :func:`protocols_of`; the first if None.
        classes: Number of classes, for class maps.
        max_depth: Metres; farther labels are left out.
        max_dist: Tolerance of lines as a share of the diagonal; 0.011 is
            usual for NYUDv2, 0.0075 for PASCAL-Context.
        pred: How predictions are stored, as in ``labels`` of a
            ``FolderDataset``: ``scale``, ``axes``, ``first_id``, ...
        gt: How labels are stored, likewise, and ``no_label``. Lines are
            matched as they are stored, so ``exact`` alone takes either.
        ids: Measure only the stems of this text file.
        workers: Processes that match lines.
        explain: Measure by all protocols of the task.

    Returns:
        ``task``, ``protocol`` (name and what it says), ``metrics`` (value by
        name), ``units``, ``settings``, ``images`` and ``versions``; with
        ``explain`` also ``other_protocols``.

    Raises:
        UserError: An option is missing or unknown, or nothing reads it.
        DatasetError: A file is missing, unreadable, or holds something else.
    """
    known = protocols_of(task)
    name = protocol or next(iter(known))
    if name not in known:
        raise UserError(
            f'protocol {name!r} of task {task!r}: {did_you_mean(name, known)}'
        )
    row = get_task(task)
    if row.kind.has_classes and classes is None:
        raise UserError(f'task {task!r}: give the number of classes')
    wanted = known if explain else {name: known[name]}
    lines = [n for n, p in wanted.items() if not p.metric]
    settings = dict(
        classes=classes, max_depth=max_depth, max_dist=max_dist, pred=pred,
        gt=gt, ids=ids and str(ids),
    )  # fmt: skip
    _refuse_idle(row, wanted, settings)
    max_dist = max_dist or 0.0
    if lines and not 0 < max_dist < 1:
        raise UserError(
            f'protocol {lines[0]!r}: give the tolerance max_dist, a share of '
            'the diagonal (0.011 is usual for NYUDv2, 0.0075 for '
            'PASCAL-Context)'
        )
    stems = None if ids is None else read_image_list(ids)
    pairs, _ = pair_maps(Path(predictions), Path(ground_truth), stems)
    metrics = {
        n: _build(row, p, classes, max_depth)
        for n, p in wanted.items()
        if p.metric
    }
    found = _measure(pairs, row, metrics, _Reading.of(row, classes, pred, gt))
    for line in lines:
        found[line] = _match(pairs, line, max_dist, workers)
    result = {
        'task': task,
        'protocol': {'name': name, 'says': known[name].says},
        'metrics': found[name],
        'units': _units(row, metrics.get(name), found[name]),
        'settings': {k: v for k, v in settings.items() if v},
        'images': len(pairs),
        'predictions': str(predictions),
        'ground_truth': str(ground_truth),
        'versions': describe_versions(),
    }
    if explain:
        result['other_protocols'] = {
            n: {'says': known[n].says, 'metrics': scores}
            for n, scores in found.items()
            if n != name
        }
    return result


def _refuse_idle(
    task: Task, wanted: Mapping[str, Protocol], given: Mapping[str, Any]
) -> None:
    """Refuse what a chosen protocol would not read, yet the result name."""
    types = {p.metric.get('type') for p in wanted.values()}
    read = dict(
        classes=task.kind.has_classes,
        max_depth='DepthErrorMetric' in types,
        max_dist=None in types,
    )
    for option, is_read in read.items():
        if given[option] is not None and not is_read:
            raise UserError(
                f'{option}={given[option]}: no protocol chosen of task '
                f'{task.name!r} reads it ({", ".join(wanted)}): leave it out'
            )
    for option in ('pred', 'gt'):
        if given[option] and None in types:
            raise UserError(
                f'{option}={dict(given[option])}: the protocols berkeley and '
                'seism match lines as they are stored, 0 and one other '
                'value: convert the files, or take protocol exact'
            )
        for name in _ONLY_DATA_SETS:
            if name in (given[option] or {}):
                raise UserError(
                    f'{option}: {name} is for the labels of a data set; the '
                    'maps here are the files of a folder'
                )


def _build(
    task: Task,
    protocol: Protocol,
    classes: int | None,
    max_depth: float | None,
) -> BaseTaskMetric:
    config: dict[str, Any] = dict(protocol.metric, task=task.name)
    if task.kind.has_classes and takes_argument(
        METRICS, config, 'num_classes'
    ):
        config['num_classes'] = classes
    if config['type'] == 'DepthErrorMetric':
        config['max_depth'] = max_depth
    return METRICS.build(config)


@dataclass(frozen=True)
class _Reading:
    """How the files of both folders become maps."""

    pred: tuple[Any, Decoder]
    gt: tuple[Any, Decoder]
    strengths: bool  # predictions of 0..1 or grey levels

    @classmethod
    def of(
        cls,
        task: Task,
        classes: int | None,
        pred: Mapping[str, Any] | None,
        gt: Mapping[str, Any] | None,
    ) -> _Reading:
        for name in _ONLY_LABELS:
            if name in (pred or {}):
                raise UserError(
                    f'pred: {name} is for labels; a prediction has a value '
                    'everywhere'
                )
        return cls(
            pred=_reader(task, classes, pred or {}),
            gt=_reader(task, classes, gt or {}),
            strengths=isinstance(task.kind, Binary) and not pred,
        )

    def prediction(self, path: Path) -> np.ndarray:
        """Return a prediction, ``(C, H, W)``, finite."""
        if self.strengths:
            return read_strength(path)[0][None]
        return _read(path, *self.pred, whole=True)

    def label(self, path: Path) -> np.ndarray:
        """Return a label, ``(C, H, W)``."""
        return _read(path, *self.gt, whole=False)


def _reader(
    task: Task, classes: int | None, settings: Mapping[str, Any]
) -> tuple[Any, Decoder]:
    row = dict(settings, path='{}')
    check_settings(task, row)
    read = read_colours if 'colours' in row else read_array
    return read, make_decoder(task, row, classes)


def _read(
    path: Path, read: Any, decode: Decoder, *, whole: bool
) -> np.ndarray:
    """Read a map, ``(C, H, W)``; refuse gaps in one that has to be whole."""
    try:
        stored = read(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    # Before a kind takes them for "no label".
    if whole and not np.isfinite(stored).all():
        raise EncodingError(
            f'prediction {path} holds NaN or infinity: write a value for '
            'every pixel'
        )
    try:
        values = decode(stored)
    except ValueError as error:
        raise EncodingError(f'{path}: {error}') from error
    return np.atleast_3d(values).transpose(2, 0, 1)


def _measure(
    pairs: Sequence[MapPair],
    task: Task,
    metrics: Mapping[str, BaseTaskMetric],
    reading: _Reading,
) -> dict[str, dict[str, float]]:
    """Return the figures of each metric; every pair is read once."""
    if not metrics:
        return {}
    if reading.strengths:
        # A first pass, which the first grey level ends.
        levels = (read_strength(pair.prediction)[1] for pair in pairs)
        if problems := masks_of_0_and_1(levels):
            raise EncodingError(problems[0])
    with progress('measuring', len(pairs)) as advance:
        for pair in pairs:
            prediction = reading.prediction(pair.prediction)
            label = reading.label(pair.label)
            if prediction.shape != label.shape:
                raise SizeMismatchError(
                    f'prediction {pair.prediction} is {prediction.shape[1:]}, '
                    f'its label {pair.label} {label.shape[1:]}: predict at '
                    'the size of the label'
                )
            sample = {
                'sample_id': pair.label.stem,
                task.pred_field: {'data': prediction},
                task.gt_field: {'data': label},
            }
            try:
                for metric in metrics.values():
                    metric.process(None, [sample])
            except ValueError as error:
                raise EncodingError(f'{pair.prediction}: {error}') from error
            advance()
    return {n: m.compute_metrics(m.results) for n, m in metrics.items()}


def _match(
    pairs: Sequence[MapPair], protocol: Any, max_dist: float, workers: int
) -> dict[str, float]:
    """Return the figures of lines, in percent."""
    seism = protocol == 'seism'
    pairs = [MapPair(p.prediction, p.label, seism) for p in pairs]
    if problems := all_problems([check_pairs(pairs)]):
        raise EncodingError(problems[0])
    thresholds = protocol_thresholds(protocol)
    counts = count_pairs(
        pairs,
        thresholds=thresholds,
        max_dist=max_dist,
        nms=True,
        workers=workers,
    )
    total, best = np.zeros((4, len(thresholds))), np.zeros(4)
    with progress(f'matching ({protocol})', len(pairs)) as advance:
        for image in counts:
            total, best = total + image, best + best_counts(image)
            advance()
    scores = boundary_scores(total, best, thresholds, interpolate=not seism)
    return {
        'odsF': 100 * scores.ods_f,
        'oisF': 100 * scores.ois_f,
        'AP': 100 * scores.ap,
    }


def _units(
    task: Task, metric: BaseTaskMetric | None, scores: Mapping[str, float]
) -> dict[str, str]:
    """Return the unit of each figure; '' where it has none."""
    if metric is None:
        return dict.fromkeys(scores, '%')
    return {name: metric.unit_of(name, task.kind) for name in scores}
