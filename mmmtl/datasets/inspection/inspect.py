"""Looks at the files of a folder, and says how a config would read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mmmtl.datasets.folder.listing import files_by_id
from mmmtl.datasets.inspection.files import (
    Layout,
    find_layout,
    other_suffixes,
    with_any_suffix,
)
from mmmtl.datasets.inspection.labels import (
    PALETTE,
    LabelFinding,
    Look,
    Readings,
    can_be,
    compare_normals,
    content,
    evenly,
    fit_question,
    full_settings,
    image_files,
    image_size,
    look_at,
    measure,
    read_ways,
)
from mmmtl.datasets.inspection.question import (
    Answers,
    OpenQuestionsError,
    Question,
)
from mmmtl.datasets.inspection.splits import (
    Splits,
    find_splits,
    split_folders,
)
from mmmtl.errors import UserError
from mmmtl.io.workers import progress
from mmmtl.tasks import Task

Item = TypeVar('Item')


@dataclass(frozen=True)
class Finding:
    """All that a config says about a folder.

    Attributes:
        root: The data folder, as it was given.
        folders: Folder of each split, if each has one of its own.
        image: Pattern of the images.
        size: Height and width that most images have.
        count: Number of images.
        labels: In the order of the tasks.
        splits: How they are divided.
        notes: What was seen and why it was chosen, a line each.
    """

    root: str
    folders: Mapping[str, str]
    image: str
    size: tuple[int, int]
    count: int
    labels: Sequence[LabelFinding]
    splits: Splits
    notes: Sequence[str]


def inspect_folder(
    root: str | Path,
    tasks: Sequence[Task],
    *,
    answers: Answers | None = None,
    limit: int = 200,
    bar: bool = False,
) -> Finding:
    """Find out how a folder of images and labels is to be read.

    Args:
        root: The data folder.
        tasks: Tasks it has labels of; they need not be in the table.
        answers: What the user says.
        limit: Number of files of each task that are opened, evenly chosen.
        bar: Show a progress bar.

    Raises:
        OpenQuestionsError: If there is more than one possible reading; it
            holds all questions.
        DatasetError: If files cannot be read, or not as these tasks.
    """
    answers = answers or Answers()
    if not Path(root).is_dir():
        raise UserError(f'{root}: no such folder')
    _check_answers(tasks, answers, limit)
    parts, layout = _find_parts(Path(root), tasks, answers)
    if layout.image is None:
        raise OpenQuestionsError([_image_question(root, layout)])
    images = image_files(parts, layout.image)
    paths, questions = _choose_patterns(parts[0], layout, tasks, answers)
    named = [task for task in tasks if task.name in paths]
    looks = [
        look_at(
            *(task, paths[task.name], parts, images, limit),
            palette=answers.palette.get(task.name),
        )
        for task in _each(named, 'reading labels', bar)
    ]
    # What else is open depends on these.
    palettes = [look.palettes for look in looks if look.palettes]
    if palettes:
        raise OpenQuestionsError([*questions, *palettes])
    readings = {look.task.name: read_ways(look, answers) for look in looks}
    compare_normals(looks, readings)
    labels = []
    for look in _each(looks, 'measuring labels', bar):
        reading = readings[look.task.name]
        asked = [*fit_question(look, answers), *reading.questions(look)]
        questions += asked
        if not asked:
            settings = full_settings(look, reading.chosen(), answers)
            labels.append(measure(look, settings, answers))
    questions += _left_out(parts, layout.image, looks, images, answers)
    splits = _splits(parts, images, looks, answers)
    if isinstance(splits, Question):
        questions.append(splits)
    height, width = _usual_size(list(images.values()), limit)
    notes = _notes(layout, images, (height, width), looks, readings, labels)
    if questions or isinstance(splits, Question):
        raise OpenQuestionsError(questions, notes)
    notes.append(f'split: {splits.why}')
    folders = {} if len(parts) < 2 else _folders(root, parts)
    return Finding(
        root=str(root),
        folders=folders,
        image=layout.image,
        size=(height, width),
        count=len(images),
        labels=labels,
        splits=splits,
        notes=notes,
    )


def _check_answers(
    tasks: Sequence[Task], answers: Answers, limit: int
) -> None:
    if limit < 1:
        raise UserError(f'--limit {limit}: open 1 file of each task, or more')
    for task in tasks:
        fit = answers.fit.get(task.name, 'nearest')
        if fit != 'nearest':
            raise UserError(
                f'--fit {task.name}={fit}: give nearest, or leave it out'
            )
        palette = answers.palette.get(task.name, PALETTE[0])
        if palette not in PALETTE:
            raise UserError(
                f'--palette {task.name}={palette}: give {" or ".join(PALETTE)}'
            )
        if task.name in answers.classes and not task.kind.has_classes:
            raise UserError(
                f'--classes {task.name}: kind {task.kind_name!r} has none; '
                'leave it out'
            )


def _each(items: Sequence[Item], what: str, bar: bool) -> Iterator[Item]:
    """Yield the items, and show how many are done if asked to."""
    shown = progress(what, len(items)) if bar else nullcontext(lambda: None)
    with shown as advance:
        for item in items:
            yield item
            advance()


def _notes(
    layout: Layout,
    images: Mapping[tuple[Path, str], Path],
    size: tuple[int, int],
    looks: Sequence[Look],
    readings: Mapping[str, Readings],
    labels: Sequence[LabelFinding],
) -> list[str]:
    """Return what was seen, a line each."""
    notes = [
        f'{len(images)} images {layout.image} ({layout.why["image"]}), '
        f'usually {size[0]}x{size[1]}'
    ]
    for look in looks:
        name = look.task.name
        missing = f', {look.missing} images have none' if look.missing else ''
        if look.unused:
            missing += f', {look.unused} more files have no image'
        notes += [
            f'{name}: {look.path} ({layout.why[name]}), {len(look.files)} of '
            f'{len(look.labelled)} files read{missing}',
            f'{name}: stored {content(look.stored)}; read as {readings[name]}',
        ]
    for label in labels:
        name = label.task.name
        notes.append(f'{name}: {label.summary()}')
        if label.odd:
            notes.append(
                f'{name}: unlikely in {len(label.odd)} files: {label.odd[0]}'
            )
    return notes


def _find_parts(
    root: Path, tasks: Sequence[Task], answers: Answers
) -> tuple[tuple[Path, ...], Layout]:
    """Return the folders with the same patterns, and these.

    There are two, of training and validation, or there is one.
    """
    names = [task.name for task in tasks]
    given = dict(image=answers.image, labels=answers.labels)
    parts = split_folders(root)
    if parts and not answers.splits:
        layout = find_layout(parts[0], names, **given)
        image = layout.image
        found = image and all(layout.choices[n] for n in names)
        if image and found and all(files_by_id(p, image) for p in parts):
            return parts, layout
    return (root,), find_layout(root, names, **given)


def _image_question(root: str | Path, layout: Layout) -> Question:
    if not layout.images:
        raise UserError(
            f'{root}: no two pictures share their names with labels (.png '
            'and the like, .npy); say where they are: --image '
            "'rgb/{}.jpg' --labels 'TASK=masks/{}.png'"
        )
    text = 'several kinds of pictures may be the images'
    choices = with_any_suffix(Path(root), layout.images)
    return Question('--image', '', text, tuple(choices))


def _choose_patterns(
    root: Path, layout: Layout, tasks: Sequence[Task], answers: Answers
) -> tuple[dict[str, str], list[Question]]:
    """Return the pattern of each task, and questions where several fit."""
    choices = {
        task.name: [
            pattern
            for pattern in layout.choices[task.name]
            if len(layout.choices[task.name]) == 1
            or can_be(task, root, pattern)
        ]
        for task in tasks
    }
    _eliminate(choices)
    chosen: dict[str, str] = {}
    questions = []
    for name, patterns in choices.items():
        rivals = [
            other
            for other, theirs in choices.items()
            if other != name and set(theirs) & set(patterns)
        ]
        if not patterns:
            seen = ', '.join(layout.choices[name]) or 'none'
            raise UserError(
                f'{name}: no files can be its labels (looked at: {seen}); '
                'name them, --labels '
                f"{name}='masks/{{}}.png', or take the task out"
            )
        if len(patterns) == 1 and (name in answers.labels or not rivals):
            chosen[name] = patterns[0]
            continue
        text = 'which files are its labels?'
        if rivals:
            text += f' {" and ".join(rivals)} may have them too'
        listed = tuple(with_any_suffix(root, patterns))
        questions.append(Question('--labels', name, text, listed))
    return chosen, questions


def _eliminate(choices: dict[str, list[str]]) -> None:
    """Take files that can only be one task's from the others."""
    for _ in choices:
        for name, patterns in choices.items():
            for other, theirs in choices.items():
                if other != name and len(patterns) == 1 < len(theirs):
                    choices[other] = [p for p in theirs if p != patterns[0]]


def _usual_size(paths: Sequence[Path], limit: int) -> tuple[int, int]:
    """Return the most frequent height and width of images."""
    sizes = Counter(image_size(path) for path in evenly(paths, limit))
    return sizes.most_common(1)[0][0]


def _splits(
    parts: Sequence[Path],
    images: Mapping[tuple[Path, str], Path],
    looks: Sequence[Look],
    answers: Answers,
) -> Splits | Question:
    if len(parts) > 1:
        return Splits({}, ' and '.join(part.name for part in parts))
    ids = [sample_id for _, sample_id in images]
    labelled = [[sample_id for _, sample_id in k.labelled] for k in looks]
    return find_splits(parts[0], ids, answers.splits, labelled)


def _left_out(
    parts: Sequence[Path],
    image: str,
    looks: Sequence[Look],
    images: Mapping[tuple[Path, str], Path],
    answers: Answers,
) -> list[Question]:
    """Ask about pictures that have another suffix than the rest."""
    chosen = {'': image} if answers.image is None else {}
    chosen |= {
        look.task.name: look.path
        for look in looks
        if look.task.name not in answers.labels
    }
    taken = {image, *(look.path for look in looks)}
    questions = []
    for name, pattern in chosen.items():
        mine = set(image_files(parts, pattern))
        pairs = (
            {*images}
            if name
            else {
                key for look in looks for key in image_files(parts, look.path)
            }
        )
        others = [
            other
            for other in other_suffixes(parts, pattern)
            if other not in taken
            and (image_files(parts, other).keys() & pairs) - mine
        ]
        if others:
            text = f'{", ".join(others)} hold what {pattern} leaves out'
            choices = tuple(with_any_suffix(parts[0], [pattern, *others]))
            option = '--labels' if name else '--image'
            questions.append(Question(option, name, text, choices))
    return questions


def _folders(root: str | Path, parts: Sequence[Path]) -> dict[str, str]:
    names = zip(('train', 'val'), parts, strict=True)
    return {split: f'{root}/{part.name}' for split, part in names}
