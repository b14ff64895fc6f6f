"""Opens and judges the files of one sample."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import Axes, load_label
from mmmtl.datasets.verification.known_sets import KnownSet
from mmmtl.datasets.verification.plausibility import (
    Remedy,
    compare_with_depth,
    describe,
    length_error,
    share_facing_away,
)
from mmmtl.errors import (
    DatasetError,
    EncodingError,
    MissingFileError,
    SizeMismatchError,
    UnreadableFileError,
    ValueRangeError,
)
from mmmtl.geometry import Intrinsics
from mmmtl.io.arrays import READ_ERRORS, exif_orientation
from mmmtl.io.plain_files import check_regular
from mmmtl.tasks import get_task
from mmmtl.tasks.kinds import Depth, Normals

#: Kind -> what it means, in the order of the report.
PROBLEMS = {
    'missing': 'there is no such file',
    'unreadable': 'truncated, or not in its format',
    'size': 'label and image differ in size',
    'encoding': 'written in another way than the layout says',
    'range': 'values or classes that the data set does not have',
    'constant': 'one value everywhere',
    'inverted': 'more than half of it is boundary',
    'not unit': 'normals are not of length 1',
    'facing away': 'normals point away from the camera',
    'disagree': 'normals are not those of the depth',
    'overlap': 'in two splits: the same id or the same image',
}
#: Kinds that may be right: they are shown and change nothing.
NOTES = {
    'empty': 'no pixel has a label',
    'one value': 'one class everywhere, or only 0 or only 1',
    'odd': 'values that maps of this kind hardly ever have',
    'turned': 'stored lying down or mirrored (EXIF), and read upright',
    'duplicate': 'the same image twice in a split',
    'scale': 'a depth that rooms do not have; check the depth scale',
}

_KIND_OF_ERROR = {
    MissingFileError: 'missing',
    UnreadableFileError: 'unreadable',
    SizeMismatchError: 'size',
    EncodingError: 'encoding',
    ValueRangeError: 'range',
}


# Published normals have 1 to 2 % of pixels that face away, on surfaces seen
# edge on, and lengths of 0.99 to 1.03 after 8-bit storage. Wrong signs and
# axes give tens of percent.
MAX_FACING_AWAY = 0.2
MAX_LENGTH_ERROR = 0.05
# Real scans differ by 1 to 7 degrees and rendered rooms by less than 1; what
# a wrong axis gives depends on the view, so it is looked for by name as well.
MAX_ANGLE = 25.0
# Horizontal, degrees, where the camera is not known.
_ASSUMED_FIELD_OF_VIEW = 60.0


@dataclass(frozen=True)
class Finding:
    """One thing about one file.

    Attributes:
        kind: Key of ``PROBLEMS`` or ``NOTES``.
        task: The task, or ``'image'``.
        path: The file.
        text: What exactly.
    """

    kind: str
    task: str
    path: str
    text: str


@dataclass
class SampleReport:
    """What was found in the files of one sample.

    Attributes:
        split: Its split.
        sample_id: Its id.
        image_path: Its image.
        image_hash: Hash of the image file, None if it is missing.
        files: Number of files looked for.
        findings: What was found.
        numbers: Per task what :func:`~.plausibility.describe` returns.
    """

    split: str
    sample_id: str
    image_path: str
    image_hash: str | None = None
    files: int = 0
    findings: list[Finding] = field(default_factory=list)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)


def check_sample(
    sample: dict, dataset: BaseMultiTaskDataset, rules: KnownSet
) -> SampleReport:
    """Open all files of a sample.

    Args:
        sample: One of ``dataset.list_samples()``.
        dataset: Knows how the files are written.
        rules: Knows the camera.
    """
    if dataset.allow_missing_labels:
        sample = {**sample, 'label_paths': _present(sample['label_paths'])}
    report = SampleReport(
        dataset.split,
        sample['sample_id'],
        sample['img_path'],
        files=1 + len(sample['label_paths']),
    )
    size = _check_image(report)
    if size is None:
        report.findings += _missing_labels(sample, dataset)
        return report
    labels = _load_labels(sample, dataset, size, report)
    paths = sample['label_paths']
    # Outlines of a whole folder are asked for by the image.
    others = {t: p for t, p in paths.items() if p != report.image_path}
    report.findings += _turned({'image': report.image_path, **others})
    for task, label in labels.items():
        report.numbers[task] = numbers = describe(task, label)
        report.findings += _uniform(task, paths[task], label, numbers)
        if not isinstance(get_task(task).kind, Normals):
            said = get_task(task).kind.implausible(label)
            kind = 'inverted' if _has_lines(task) else 'odd'
            path = paths[task]
            report.findings += [Finding(kind, task, path, t) for t in said]
            continue
        camera = rules.camera if size == rules.camera_size else None
        axes = dataset.label_files[task].axes
        _check_normals(task, labels, paths[task], axes, camera, report)
    return report


def _has_lines(task: str) -> bool:
    """Say whether a task's masks are lines, which never fill a picture."""
    return get_task(task).metric['type'] == 'BoundaryMetric'


def _turned(paths: dict[str, str]) -> Iterator[Finding]:
    orientations = {name: exif_orientation(paths[name]) for name in paths}
    for name, found in orientations.items():
        if found != 1:
            text = f'EXIF orientation {found}'
            if name == 'image' and set(orientations.values()) != {found}:
                text += '; labels must be of the picture as viewers show it'
            yield Finding('turned', name, paths[name], text)


def _present(label_paths: dict[str, str]) -> dict[str, str]:
    return {t: path for t, path in label_paths.items() if Path(path).exists()}


def _check_image(report: SampleReport) -> tuple[int, int] | None:
    """Note what is wrong with the image; return its size if it is usable."""
    path = report.image_path

    def note(kind: str, text: str) -> None:
        report.findings.append(Finding(kind, 'image', path, text))

    try:
        check_regular(path)
        content = Path(path).read_bytes()
    except OSError as error:
        note('missing', error.strerror or str(error))
        return None
    report.image_hash = hashlib.sha256(content).hexdigest()
    try:
        with Image.open(io.BytesIO(content)) as picture:
            # As the image reader does: photos may be stored lying down.
            picture = ImageOps.exif_transpose(picture)
            pixels = np.asarray(picture)
    except READ_ERRORS as error:
        note('unreadable', ' '.join(str(error).split()))
        return None
    if pixels.dtype not in (np.uint8, bool):
        note('encoding', f'is {pixels.dtype}: 8 bits per channel are read')
    if pixels.size and (pixels == pixels[:1, :1]).all():
        note('constant', f'every pixel is {pixels[0, 0].tolist()}')
    return pixels.shape[:2]


def _missing_labels(
    sample: dict, dataset: BaseMultiTaskDataset
) -> Iterator[Finding]:
    """Without an image there is no size to check labels against."""
    for task, path in sample['label_paths'].items():
        optional = dataset.label_files[task].optional
        if not optional and not Path(path).is_file():
            yield Finding('missing', task, path, 'no such file')


def _load_labels(
    sample: dict,
    dataset: BaseMultiTaskDataset,
    size: tuple[int, int],
    report: SampleReport,
) -> dict[str, np.ndarray]:
    labels = {}
    counts = dataset.class_counts()
    for task, path in sample['label_paths'].items():
        try:
            labels[task] = load_label(
                task,
                path,
                dataset.label_files[task],
                size,
                counts.get(task),
            )
        except DatasetError as error:
            text = str(error)
            report.findings.append(Finding(kind_of(error), task, path, text))
    return labels


def _uniform(
    task: str, path: str, label: np.ndarray, numbers: dict
) -> Iterator[Finding]:
    if not numbers['labelled']:
        yield Finding('empty', task, path, 'no pixel has a label')
        return
    if numbers['labelled'] < numbers['pixels']:
        return  # its labelled part has a shape, at least
    if (label == label[:1, :1]).all():
        # A view may well show one class only, or nothing salient.
        continuous = get_task(task).kind.dtype.is_floating_point
        kind = 'constant' if continuous else 'one value'
        value = label[0, 0].tolist()
        yield Finding(kind, task, path, f'every pixel is {value}')


def _check_normals(
    task: str,
    labels: dict[str, np.ndarray],
    path: str,
    axes: Axes,
    camera: Intrinsics | None,
    report: SampleReport,
) -> None:
    normals = labels[task].astype(np.float64)  # squares of any float32 fit
    numbers = report.numbers[task]

    def note(kind: str, text: str) -> None:
        report.findings.append(Finding(kind, task, path, text))

    off = length_error(normals)
    if off > MAX_LENGTH_ERROR:
        note('not unit', f'the median length is {off:.2f} away from 1')
    height, width = normals.shape[:2]
    tangent = np.tan(np.radians(_ASSUMED_FIELD_OF_VIEW) / 2)
    view = camera or Intrinsics.centred(
        0.5 * width / float(tangent), height, width
    )
    away = share_facing_away(normals, view)
    numbers['facing_away'] = away
    stored = Remedy().stored_frame(axes)
    if away > MAX_FACING_AWAY:
        text = f'{away:.0%} of the normals point away from the camera'
        if away > 1 - MAX_FACING_AWAY:
            text += (
                '; these look like another frame: the opposite of the '
                f"layout's, which is {stored}"
            )
        note('facing away', text)
    depths = [
        label
        for name, label in labels.items()
        if isinstance(get_task(name).kind, Depth)
    ]
    if not depths:
        return
    agreement = compare_with_depth(normals, depths[0], camera)
    if agreement is None:
        return
    numbers['angle'] = agreement.angle
    if agreement.angle > MAX_ANGLE or agreement.remedy:
        text = f'{agreement.angle:.0f} degrees from the depth, median'
        if agreement.remedy:
            found = agreement.remedy.stored_frame(axes)
            text += (
                f'; these look like another frame: {found}, while the '
                f"layout's is {stored}; taken as {agreement.remedy} they "
                'would agree'
            )
        note('disagree', text)


def kind_of(error: DatasetError) -> str:
    """Return the kind of problem that a loader's error is.

    Args:
        error: What was raised.
    """
    for kind, name in _KIND_OF_ERROR.items():
        if isinstance(error, kind):
            return name
    return 'encoding'
