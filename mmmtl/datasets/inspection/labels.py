"""What the label files of a task hold, and in how many ways they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmmtl.datasets.folder.encodings import (
    make_decoder,
    one_channel,
    read_colours,
)
from mmmtl.datasets.folder.listing import files_by_id
from mmmtl.datasets.inspection.files import JPEG, PICTURES
from mmmtl.datasets.inspection.question import Answers, Question
from mmmtl.datasets.verification.plausibility import Remedy, score_frames
from mmmtl.errors import DatasetError, UserError
from mmmtl.io.arrays import READ_ERRORS, open_picture, read_array, unreadable
from mmmtl.tasks import Task
from mmmtl.tasks.kinds import Depth, Normals
from mmmtl.tasks.kinds.normals import AXES
from mmmtl.tasks.kinds.stored import (
    Stored,
    Values,
    read_values,
    spelled,
    summarise,
)

# So many pairs of normals and depth are compared; the best frame must beat
# the next by so much in mean cosine, and agree so well.
_COMPARED = 8
_CLEARLY, _AGREES = 0.05, 0.8
#: What may count of pictures whose palettes differ.
PALETTE = ('colours', 'indices')
# Up to so many values are listed.
_LISTED = 12


@dataclass(frozen=True)
class LabelFinding:
    """How the labels of a task are read.

    Attributes:
        task: The task.
        settings: Its entry of ``labels``.
        classes: Names of its classes, if it has any.
        shares: Share of the labelled pixels of each class; of a mask the
            share of 1.
        mean: Mean of real values.
        spread: Their standard deviation.
        odd: Files with unlikely values, and what is odd about them.
    """

    task: Task
    settings: Mapping[str, Any]
    classes: Sequence[str] | None
    shares: Sequence[float]
    mean: float
    spread: float
    odd: Sequence[str]

    def summary(self) -> str:
        """Return what the labels hold in a line."""
        if self.classes:
            rows = zip(self.classes, self.shares, strict=True)
            return ', '.join(f'{name} {share:.1%}' for name, share in rows)
        if self.shares:
            return f'{self.shares[1]:.1%} of the labelled pixels is 1'
        if self.task.kind.components > 1:
            return self.task.kind.unit
        unit = self.task.kind.symbol
        text = f'mean {self.mean:.3g} {unit}, spread {self.spread:.3g} {unit}'
        return ' '.join(text.split()).replace(' ,', ',')


@dataclass(frozen=True)
class Look:
    """What was seen of the files of a task.

    Attributes:
        task: The task.
        path: Their pattern.
        files: Those that were opened, each with its image.
        labelled: Folder and id of every image that has one.
        missing: Number of images without one.
        unused: Number of files without an image.
        stored: What they hold.
        palettes: Whether their colours count or their indices, if that is
            open.
    """

    task: Task
    path: str
    files: Sequence[tuple[Path, Path]]
    labelled: Sequence[tuple[Path, str]]
    missing: int
    unused: int
    stored: Stored
    palettes: Question | None


def look_at(
    task: Task,
    pattern: str,
    parts: Sequence[Path],
    images: Mapping[tuple[Path, str], Path],
    limit: int,
    *,
    palette: str | None,
) -> Look:
    """Open the files of a task."""
    if pattern.endswith('.json'):
        raise UserError(
            f'{task.name}: {pattern} may be outlines, which have to be stated '
            f'in a config: labels=dict({task.name}=dict(path={pattern!r}, '
            "polygons='labelme'))"
        )
    found = image_files(parts, pattern)
    labelled = [key for key in images if key in found]
    for part in parts:
        if not any(folder == part for folder, _ in labelled):
            raise UserError(
                f'{task.name}: no file {pattern} in {part} has the id of an '
                'image; correct the pattern'
            )
    pairs = [(found[key], images[key]) for key in labelled]
    chosen = evenly(pairs, limit)
    paths = [path for path, _ in chosen]
    try:
        question = None if palette else _palette_question(task, paths)
        stored = _summary(
            task, paths, is_whole=len(chosen) == len(pairs), palette=palette
        )
    except ValueError as error:
        raise DatasetError(f'{task.name}: {pattern}: {error}') from error
    return Look(
        task=task,
        path=pattern,
        files=chosen,
        labelled=labelled,
        missing=len(images) - len(pairs),
        unused=len(found) - len(pairs),
        stored=stored,
        palettes=question,
    )


def evenly(items: Sequence[Any], limit: int) -> list[Any]:
    """Return at most so many items, first and last among them."""
    count = min(limit, len(items))
    places = np.linspace(0, len(items) - 1, count).round().astype(int)
    return [items[place] for place in places]


def _summary(
    task: Task,
    paths: Sequence[Path],
    *,
    is_whole: bool,
    palette: str | None = None,
) -> Stored:
    one = task.kind.components == 1
    if task.kind.has_classes:
        _check_exact(paths)
    is_colour = palette == 'colours' or (
        palette is None and one and any(map(_is_coloured, paths))
    )
    maps = (_read(path, task, is_colour) for path in paths)
    return summarise(maps, is_colour=is_colour, is_whole=is_whole)


def _is_coloured(path: Path) -> bool:
    """Say whether a picture has channels that differ."""
    if path.suffix.lower() not in PICTURES:
        return False
    try:
        with open_picture(path) as picture:
            if picture.mode not in ('RGB', 'RGBA'):
                return False
        stored = read_array(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    return stored.shape[2] == 4 or one_channel(stored).ndim == 3


def _check_exact(paths: Sequence[Path]) -> None:
    """Refuse ids in files that change them a little."""
    for path in paths:
        if path.suffix.lower() in JPEG:
            raise ValueError(
                f'{path} is a JPEG, which changes class ids: write them '
                'again as .png'
            )


def _palette_question(task: Task, paths: Sequence[Path]) -> Question | None:
    """Ask what counts where an index is another colour in another file.

    Tools that make files smaller number the colours of each by itself: the
    colours count then. Others give each file colours to look at, and the
    indices count. Nothing tells them apart for certain: where the same few
    colours are only in another order, the first is likelier, but black on
    white in one file and white on black in the next is the second.
    """
    first: dict[int, tuple[Path, tuple[int, ...]]] = {}
    for path in paths if task.kind.components == 1 else ():
        for index, colour in _used_palette(path).items():
            other, before = first.setdefault(index, (path, colour))
            if before == colour:
                continue
            if any(map(_is_coloured, paths)):
                return None  # others have no indices
            text = (
                f'index {index} is the colour {before} in {other}, {colour} '
                f'in {path}: what counts?'
            )
            return Question('--palette', task.name, text, PALETTE)
    return None


def _used_palette(path: Path) -> dict[int, tuple[int, ...]]:
    """Return the colours of the indices that occur, if there are any."""
    if path.suffix.lower() not in PICTURES:
        return {}
    try:
        with open_picture(path) as picture:
            if picture.mode != 'P':
                return {}
        indices = read_array(path)
        colours = read_colours(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    used, places = np.unique(indices, return_index=True)
    found = colours.reshape(-1, 3)[places].tolist()
    return dict(zip(used.tolist(), map(tuple, found), strict=True))


def _read(path: Path, task: Task, is_colour: bool) -> np.ndarray:
    try:
        stored = (read_colours if is_colour else read_array)(path)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    one = task.kind.components == 1 and not is_colour
    stored = one_channel(stored) if one else stored
    if stored.shape[2:] != (() if one else (3,)):
        wanted = '(H, W)' if one else '(H, W, 3)'
        raise ValueError(
            f'{path} holds {stored.dtype} {stored.shape}: write {wanted}'
        )
    return stored


@dataclass
class Readings:
    """How files may be read.

    Attributes:
        absent: Possible sets of values that mean "no label".
        encodings: Possible settings by word.
        is_colour: Whether values are colour codes.
        why: Why a single word is left.
    """

    absent: list[Values]
    encodings: Mapping[str, Any]
    is_colour: bool
    why: str = 'nothing else is possible'

    def __str__(self) -> str:
        absent = [
            spelled(values, is_colour=self.is_colour) for values in self.absent
        ]
        return (
            f'{" or ".join(self.encodings)}, "no label": '
            f'{" or ".join(absent)}'
            + (f' ({self.why})' if len(self.encodings) == 1 else '')
        )

    def chosen(self) -> dict[str, Any]:
        """Return the settings where nothing is open."""
        (settings,) = self.encodings.values()
        return settings

    def questions(self, look: Look) -> list[Question]:
        """Return what is open."""
        asked = []
        name, stored = look.task.name, look.stored
        if len(self.absent) > 1:
            choices = [
                spelled(values, is_colour=stored.is_colour)
                for values in self.absent
            ]
            text = f'which values mean "no label"? ({content(stored)})'
            asked.append(Question('--no-label', name, text, tuple(choices)))
        if len(self.encodings) > 1 or None in self.encodings.values():
            text = f'what do stored values mean? ({content(stored)})'
            asked.append(
                Question(
                    '--encoding',
                    name,
                    text,
                    tuple(self.encodings),
                    tuple(_meaning(look, s) for s in self.encodings.values()),
                )
            )
        return asked


def _meaning(look: Look, settings: Mapping[str, Any] | None) -> str:
    """Say what real values would be, read in one way."""
    kind = look.task.kind
    if settings is None or not kind.on_a_scale:
        return ''
    decode = make_decoder(look.task, {'path': '', **settings}, None)
    label = decode(look.stored.maps[0])
    values = label[kind.valid(label[None])[0]]
    median = float(np.median(values)) if values.size else 0.0
    return f'median {median:.3g} {kind.symbol}'.rstrip()


def content(stored: Stored) -> str:
    """Describe stored values in some words."""
    counts = stored.counts
    vectors = stored.maps[0].ndim == 3 and not stored.is_colour
    parts = [str(stored.dtype)]
    listed = not vectors and len(counts) <= _LISTED
    if not listed or not stored.is_counted:
        values = stored.sample()
        parts.append(f'{values.min():g} to {values.max():g}')
    if listed:
        parts += [
            f'{spelled([v], is_colour=stored.is_colour)}: '
            f'{n / stored.pixels:.1%}'
            for v, n in sorted(counts.items())
        ]
    return ', '.join(parts)


def read_ways(look: Look, answers: Answers) -> Readings:
    """Ask the kind how files may be read, as far as the user did not say."""
    name, kind, stored = look.task.name, look.task.kind, look.stored
    try:
        if name in answers.no_label:
            absent = [read_values(answers.no_label[name])]
        else:
            absent = kind.absent_values(stored)
        if name in answers.encoding:
            word = answers.encoding[name]
            encodings = {word: kind.encoding(word, stored, absent[0])}
        else:
            encodings = kind.encodings(stored, absent[0])
    except ValueError as error:
        raise DatasetError(f'{name}: {look.path}: {error}') from error
    if stored.is_colour and not any(
        'colours' in (settings or {}) for settings in encodings.values()
    ):
        raise DatasetError(
            f'{name}: {look.path}: holds colours, which a label of kind '
            f'{look.task.kind_name!r} cannot be: write one channel, or give '
            f'--palette {name}=indices if these are palettes'
        )
    why = 'as given' if name in answers.encoding else Readings.why
    return Readings(absent, encodings, stored.is_colour, why)


def compare_normals(
    looks: Sequence[Look], readings: Mapping[str, Readings]
) -> None:
    """Keep the one frame of normals in which they agree with the depth."""
    depths = [look for look in looks if isinstance(look.task.kind, Depth)]
    for look in looks:
        mine = readings[look.task.name]
        if not isinstance(look.task.kind, Normals) or len(mine.encodings) < 2:
            continue
        for depth in depths:
            # The unit does not matter, what is inverse does.
            words = readings[depth.task.name].encodings
            if any(word.startswith('inverse') for word in words):
                continue
            absent = readings[depth.task.name].absent[0]
            settings = {'no_label': absent} if absent else {}
            frame = _frame_of(look, mine, depth, settings)
            if frame in mine.encodings:
                mine.encodings = {frame: mine.encodings[frame]}
                mine.why = f'the frame that agrees with {depth.task.name}'


def _frame_of(
    look: Look,
    mine: Readings,
    depth: Look,
    settings: Mapping[str, Any],
) -> str | None:
    """Return the frame that agrees clearly best with the depth, if any."""
    plain = {**next(iter(mine.encodings.values())), 'path': ''}
    plain.pop('axes', None)
    read_normals = make_decoder(look.task, plain, None)
    read_depth = make_decoder(depth.task, {'path': '', **settings}, None)
    theirs = {image: path for path, image in depth.files}
    both = [(p, theirs[image]) for p, image in look.files if image in theirs]
    scores = score_frames(
        (
            read_normals(_read(one, look.task, False)),
            read_depth(_read(other, depth.task, False)),
        )
        for one, other in both[:_COMPARED]
    )
    if not scores:
        return None
    best, second = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    clear = scores[best] - scores[second] > _CLEARLY
    return _frame_words(best) if clear and scores[best] > _AGREES else None


def _frame_words(remedy: Remedy) -> str:
    """Return where stored channels point if an exchange mends them."""
    words = [''] * 3
    for component, (channel, sign) in enumerate(
        zip(remedy.axes, remedy.signs, strict=True)
    ):
        words[channel] = next(
            word for word, place in AXES.items() if place == (component, sign)
        )
    return ' '.join(words)


def fit_question(look: Look, answers: Answers) -> list[Question]:
    """Ask what to do about labels of another size than their images."""
    name = look.task.name
    if name in answers.fit:
        return []
    for path, image in look.files:
        label, wanted = _size(path, look.task), image_size(image)
        if label != wanted:
            text = (
                f'{path} is {label[0]}x{label[1]}, its image '
                f'{wanted[0]}x{wanted[1]}: resize labels to the nearest '
                'pixel?'
            )
            return [Question('--fit', name, text, ('nearest',))]
    return []


def _size(path: Path, task: Task) -> tuple[int, int]:
    if path.suffix.lower() == '.npy':
        return _read(path, task, False).shape[:2]
    with open_picture(path) as picture:
        return picture.height, picture.width


@lru_cache(maxsize=2**12)
def image_size(path: Path) -> tuple[int, int]:
    """Return height and width, turned as readers turn a photograph."""
    try:
        with open_picture(path) as picture:
            turned = picture.getexif().get(274, 1) >= 5
            size = picture.height, picture.width
    except READ_ERRORS as error:
        raise unreadable(path, error) from error
    return size[::-1] if turned else size


def full_settings(
    look: Look, chosen: Mapping[str, Any], answers: Answers
) -> dict[str, Any]:
    """Return the whole entry of a label."""
    return {
        'path': look.path,
        **chosen,
        **({'missing': 'no_label'} if look.missing else {}),
        **({'fit': 'nearest'} if look.task.name in answers.fit else {}),
    }


def measure(
    look: Look, settings: Mapping[str, Any], answers: Answers
) -> LabelFinding:
    """Decode the files that were opened, and measure what they hold."""
    task, kind = look.task, look.task.kind
    classes = None
    ids = _class_values(look, answers)
    if ids is not None:
        settings, classes = _name_classes(look, settings, answers, ids)
    elif kind.has_classes:
        classes = answers.classes.get(task.name)
    count = None if classes is None else len(classes)
    decode = make_decoder(task, settings, count)
    totals = np.zeros(3)
    numbers = np.zeros(256, np.int64)
    odd: list[str] = []
    for path, _ in look.files:
        try:
            label = decode(_read(path, task, 'colours' in settings))
        except ValueError as error:
            raise DatasetError(f'{task.name}: {path}: {error}') from error
        odd += [f'{path.name}: {said}' for said in kind.implausible(label)]
        channels = label[None] if label.ndim == 2 else label.transpose(2, 0, 1)
        values = label[kind.valid(channels)[0]]
        if kind.dtype.is_floating_point:
            exact = values.astype(np.float64)
            totals += exact.size, exact.sum(), (exact**2).sum()
        else:
            numbers += np.bincount(values, minlength=256)
    if kind.has_classes:
        classes = classes or _count_classes(task, numbers)
        _check_last(task, numbers, classes)
    n = max(totals[0], 1)
    mean = totals[1] / n
    count = 2 if classes is None else len(classes)
    shares = numbers[:count] / max(numbers.sum(), 1)
    return LabelFinding(
        task=task,
        settings=settings,
        classes=classes,
        shares=[] if kind.dtype.is_floating_point else shares.tolist(),
        mean=mean,
        spread=float(np.sqrt(max(totals[2] / n - mean**2, 0))),
        odd=odd,
    )


def _name_classes(
    look: Look,
    settings: Mapping[str, Any],
    answers: Answers,
    ids: Sequence[int],
) -> tuple[dict[str, Any], list[str]]:
    """Return settings and names of a map of classes.

    Without names a class is called after its stored value.
    """
    name, stored = look.task.name, look.stored
    absent = read_ways(look, answers).absent[0]
    if name not in answers.classes:
        spelling = [spelled([i], is_colour=stored.is_colour) for i in ids]
        return dict(settings), [f'id_{word}' for word in spelling]
    names = list(answers.classes[name])
    if len(names) == len(ids):
        return dict(settings), names
    known = {key: settings[key] for key in settings if key != 'ids'}
    # Some classes do not occur in the files that were read.
    if not stored.is_colour and ids[-1] == len(names) - 1 and ids[0] == 0:
        return {k: v for k, v in known.items() if k != 'first_id'}, names
    if not stored.is_colour and ids[-1] == len(names) and ids[0] > 0:
        return {**known, 'first_id': 1, **_listed(absent)}, names
    raise UserError(
        f'--classes {name} names {len(names)} classes, the files hold '
        f'{len(ids)} values: '
        f'{spelled(ids, is_colour=stored.is_colour)}; name each of them'
    )


def _class_values(look: Look, answers: Answers) -> list[int] | None:
    """Return the stored value of each class, where the kind says it."""
    if not look.task.kind.has_classes:
        return None
    absent = read_ways(look, answers).absent[0]
    return look.task.kind.ids(look.stored, absent)


def _count_classes(task: Task, numbers: np.ndarray) -> list[str]:
    """Name the ids that occur, from 0, each after itself."""
    last = int(numbers.nonzero()[0].max(initial=0))
    if not last:
        raise UserError(
            f'{task.name}: the files that were read hold no id above 0: name '
            f'its classes, --classes {task.name}=a,b,c'
        )
    return [f'id_{number}' for number in range(last + 1)]


def _check_last(
    task: Task, numbers: np.ndarray, classes: Sequence[str]
) -> None:
    last = int(numbers.nonzero()[0].max(initial=0))
    if last >= len(classes):
        raise UserError(
            f'--classes {task.name} names {len(classes)} classes, the files '
            f'hold ids up to {last}: name each of them, from 0'
        )


def _listed(absent: Values) -> dict[str, Any]:
    return {'no_label': list(absent)} if absent else {}


def image_files(
    parts: Sequence[Path], pattern: str
) -> dict[tuple[Path, str], Path]:
    """Return the files of a pattern by folder and id."""
    return {
        (part, sample_id): part / path
        for part in parts
        for sample_id, path in files_by_id(part, pattern).items()
    }


def can_be(task: Task, root: Path, pattern: str) -> bool:
    """Say whether the first file of a pattern can be a map of a task."""
    path = next(iter(files_by_id(root, pattern).values()))
    try:
        stored = _summary(task, [root / path], is_whole=False)
        # One map of a mask or of classes may well show one value.
        if stored.is_counted and len(stored.counts) < 2:
            return True
        task.kind.encodings(stored, task.kind.absent_values(stored)[-1])
    except ValueError:
        return False
    return True
