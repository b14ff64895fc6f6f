"""Which patterns the files of a folder follow, and which task each is for.

A pattern is that of a ``FolderDataset``: ``{}`` stands for the sample id.
Image and label of a sample share the id, so every piece of a path that occurs
in several files may be one; the pieces that pair most files are.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from mmmtl.datasets.folder.listing import files_by_id
from mmmtl.errors import DatasetError
from mmmtl.io.arrays import READ_ERRORS, open_picture, unreadable

#: Suffixes of pictures that can be images or labels.
PICTURES = (
    *('.bmp', '.gif', '.jpeg', '.jpg', '.png'),
    *('.ppm', '.pgm', '.tif', '.tiff', '.webp'),
)
#: Suffixes of pictures whose values are not exact.
JPEG = ('.jpeg', '.jpg')
_IMAGE_WORDS = {
    *('color', 'colour', 'frame', 'image', 'img', 'input', 'jpegimage'),
    *('leftimg8bit', 'photo', 'picture', 'rgb'),
}
_LABEL_WORDS = {
    *('annotation', 'gt', 'label', 'map', 'mask', 'segment', 'target'),
}
# What folders of known tasks are also called; a task is always found under
# its own name.
_MORE_WORDS = {
    'semseg': ('segmentation', 'semantic', 'seg', 'semantics', 'labelids'),
    'depth': ('disparity', 'disp', 'inverse depth'),
    'normals': ('norm', 'surface normal'),
    'edge': ('boundary', 'boundarie', 'contour'),
    'saliency': ('salient', 'sal'),
    'human_parts': ('part', 'parsing'),
    'reshading': ('reshade', 'shading'),
    'edges2d': ('edge texture',),
}
# So many files of a folder are enough to see its patterns.
_ENOUGH = 100
_FOLDERS = 400
# Patterns that pair this share of the best one's samples are choices too.
_RIVAL = 0.1

# A folder whose name is a part of the id, as its files' names are.
_SCENE = '{scene}'

Patterns = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Layout:
    """Where images and labels lie.

    Attributes:
        image: Pattern of the images; None if several are possible.
        images: Patterns to choose from, if several are.
        choices: By task, the patterns that are possible, likeliest first.
        why: By task, and ``image``: why these.
    """

    image: str | None
    images: Sequence[str]
    choices: Mapping[str, Sequence[str]]
    why: Mapping[str, str]


def list_files(root: Path) -> list[str]:
    """Return the files that can be images or labels, below a folder.

    Args:
        root: The folder.
    """
    found = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(f for f in folders if not f.startswith('.'))
        below = PurePosixPath(Path(folder).relative_to(root).as_posix())
        for name in sorted(names):
            usable = Path(name).suffix.lower() in {*PICTURES, '.npy'}
            path = (below / name).as_posix()
            # What a pattern cannot spell.
            if usable and name[0] != '.' and not set('{}*') & set(path):
                found.append(path)
    return found


def find_layout(
    root: Path,
    tasks: Sequence[str],
    *,
    image: str | None,
    labels: Mapping[str, str],
) -> Layout:
    """Find the patterns of images and labels.

    Args:
        root: The data folder.
        tasks: Names of the tasks.
        image: Pattern of the images, if it is given.
        labels: Patterns by task, as far as they are given.
    """
    patterns = _patterns(_some(list_files(root)))
    for pattern in filter(None, (image, *labels.values())):
        patterns[pattern] = files_by_id(root, pattern)
    named = {
        task: [labels[task]] if task in labels else _named(patterns, task)
        for task in tasks
    }
    images = [image] if image else _images(root, patterns, tasks)
    scores = {one: _score(one, named, patterns) for one in images}
    images = _best(scores, patterns)
    if len(images) != 1:
        return Layout(None, images, {}, {})
    (chosen,) = images
    why = {'image': 'given' if image else 'by its name or type'}
    choices: dict[str, list[str]] = {}
    taken = [chosen]
    for task in tasks:
        choices[task] = _paired(chosen, named[task], patterns, taken)
        why[task] = 'given' if task in labels else 'named after the task'
        if task in labels:
            choices[task] = [labels[task]]
    taken += [pattern for found in choices.values() for pattern in found]
    known = {*tasks, *_MORE_WORDS}
    others = [p for p in patterns if not any(_is_named(p, t) for t in known)]
    rest = _paired(chosen, others, patterns, taken)
    for task in tasks:
        if not choices[task]:
            choices[task] = rest
            why[task] = 'there are no other files'
    return Layout(chosen, images, choices, why)


def other_suffixes(parts: Sequence[Path], pattern: str) -> list[str]:
    """Return patterns of pictures that differ in their suffix alone.

    Args:
        parts: The data folders.
        pattern: That of pictures; another one has none beside it.
    """
    stem, own = os.path.splitext(pattern)
    if own.lower() not in PICTURES:
        return []
    paths = (path for part in parts for path in list_files(part))
    found = {os.path.splitext(path)[1] for path in paths} - {own}
    return [stem + s for s in sorted(found) if s.lower() in PICTURES]


def with_any_suffix(root: Path, patterns: Sequence[str]) -> list[str]:
    """Return patterns, before them those that fit several of them.

    Args:
        root: The data folder.
        patterns: Of these, such that are of pictures and differ in their
            suffix alone are taken together, unless a sample has several.
    """
    pictures = [p for p in patterns if Path(p).suffix.lower() in PICTURES]
    stems = Counter(os.path.splitext(pattern)[0] for pattern in pictures)
    both = [f'{stem}.*' for stem, number in stems.items() if number > 1]
    return [*(p for p in both if _is_unique(root, p)), *patterns]


def _is_unique(root: Path, pattern: str) -> bool:
    try:
        files_by_id(root, pattern)
    except DatasetError:
        return False
    return True


def _patterns(paths: Iterable[str]) -> Patterns:
    """Return every pattern that several paths follow.

    Returns:
        Pattern -> sample id -> path.
    """
    # Nearly all have one file; to keep their names would take most memory.
    # Two names of one number do no harm, so numbers are enough.
    paths = list(paths)
    seen: set[int] = set()
    often: set[int] = set()
    for path in paths:
        for number in {hash(pattern) for pattern, _ in _spellings(path)}:
            (often if number in seen else seen).add(number)
    found: Patterns = defaultdict(dict)
    ambiguous = set()
    for path in paths:
        for pattern, sample_id in _spellings(path):
            if hash(pattern) not in often:
                continue
            if found[pattern].setdefault(sample_id, path) != path:
                ambiguous.add(pattern)
    return {
        pattern: files
        for pattern, files in found.items()
        if len(files) > 1 and pattern not in ambiguous
    }


def _spellings(path: str) -> Iterable[tuple[str, str]]:
    """Yield pattern and id for every piece of a path that can be the id.

    A piece starts and ends at the border of a folder, or of words and
    numbers in the file's name. The first folder may be any, or one folder be
    the first part of the id.
    """
    _, _, rest = path.partition('/')
    if '/' in rest:
        yield from (('*/' + p, i) for p, i in _spellings_of(rest))
    yield from _spellings_of(path)
    before, names = '', path.split('/')
    for place, name in enumerate(names[:-2]):
        rest = '/'.join(names[place + 1 :])
        for pattern, sample_id in _spellings_of(rest):
            yield f'{before}{_SCENE}/{pattern}', f'{name}/{sample_id}'
        before += f'{name}/'


def _spellings_of(path: str) -> Iterable[tuple[str, str]]:
    folder, _, name = path.rpartition('/')
    stem, suffix = os.path.splitext(name)
    start = len(folder) + 1 if folder else 0
    words = re.finditer(r'[^\W\d_]+|\d+|[\W_]', stem)
    inner = [start + m.start() for m in words]
    slashes = [i for i, letter in enumerate(path) if letter == '/']
    starts = sorted({0, *(i + 1 for i in slashes), *inner})
    ends = sorted({*slashes, *inner, start + len(stem)})
    for first in starts:
        for last in ends:
            sample_id = path[first:last]
            if last <= first or not sample_id[0].isalnum():
                continue
            if not sample_id[-1].isalnum():
                continue
            before, after = path[:first], path[last : -len(suffix)]
            # The id may occur twice: {}/{}_rgb.png.
            if sample_id in before or sample_id in after:
                again = rf'(?<![^\W_]){re.escape(sample_id)}(?![^\W_])'
                before = re.sub(again, '{}', before)
                after = re.sub(again, '{}', after)
            yield before + '{}' + after + suffix, sample_id


def _some(paths: Sequence[str]) -> list[str]:
    """Return the first files of each folder, of the first folders."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        folders[os.path.dirname(path)].append(path)
    kept = list(folders.values())[:_FOLDERS]
    return [path for names in kept for path in names[:_ENOUGH]]


def _images(root: Path, patterns: Patterns, tasks: Sequence[str]) -> list[str]:
    """Return the patterns of pictures that are most likely images."""
    pictures = [p for p in patterns if Path(p).suffix.lower() in PICTURES]
    words = {p: set(_words(p)) for p in pictures}
    known = {*tasks, *_MORE_WORDS}
    plain = [
        p
        for p in pictures
        if not words[p] & _LABEL_WORDS
        and not any(_is_named(p, task) for task in known)
    ]
    by_name = [p for p in plain if words[p] & _IMAGE_WORDS]
    by_type = [p for p in plain if Path(p).suffix.lower() in JPEG]
    if by_name or by_type:
        return by_name or by_type
    coloured = [p for p in plain if _is_photo(root, patterns[p])]
    return coloured or plain or pictures


def _is_photo(root: Path, files: Mapping[str, str]) -> bool:
    """Say whether the first file of a pattern is a picture of many colours."""
    path = root / next(iter(files.values()))
    try:
        with open_picture(path) as picture:
            if picture.mode not in ('RGB', 'RGBA'):
                return False
            return picture.convert('RGB').getcolors(256) is None
    except READ_ERRORS as error:
        raise unreadable(path, error) from error


@lru_cache(maxsize=2**16)
def _words(pattern: str) -> list[str]:
    """Return the words of a pattern, lower case and in the singular."""
    text = os.path.splitext(pattern)[0].lower()
    text = text.replace('{}', '/').replace(_SCENE, '/')
    words = re.split(r'[\W_]+', text)
    return [_singular(word) for word in words if word]


def _singular(word: str) -> str:
    for ending in ('map', 'mask', 'label'):
        short = word.removesuffix('s').removesuffix(ending)
        if short and short != word.removesuffix('s'):
            word = short
    return word.removesuffix('s')


def _is_named(pattern: str, task: str) -> bool:
    """Say whether a task's name, or another one for it, is in a pattern."""
    words = _words(pattern)
    for name in (task, *_MORE_WORDS.get(task, ())):
        wanted = _words(name)
        starts = range(len(words) - len(wanted) + 1)
        if any(words[i : i + len(wanted)] == wanted for i in starts):
            return True
    return False


def _named(patterns: Patterns, task: str) -> list[str]:
    return [p for p in patterns if _is_named(p, task)]


def _score(
    image: str, named: Mapping[str, Sequence[str]], patterns: Patterns
) -> int:
    """Return the number of labels that a pattern of images pairs with."""
    score = 0
    for found in named.values():
        # Of a task whose files have another name any may be.
        paired = _paired(image, found or list(patterns), patterns, [image])
        if paired:
            score += len(_shared(image, paired[0], patterns))
    return score


def _paired(
    image: str,
    found: Sequence[str],
    patterns: Patterns,
    taken: Sequence[str],
) -> list[str]:
    """Return the patterns that share ids with the images, best first."""
    used = {path for p in taken for path in patterns[p].values()}
    scores = {
        p: len(_shared(image, p, patterns))
        for p in found
        if not used & set(patterns[p].values())
    }
    return _best(scores, patterns)


def _shared(one: str, other: str, patterns: Patterns) -> set[str]:
    return patterns[one].keys() & patterns[other].keys()


def _best(scores: Mapping[str, int], patterns: Patterns) -> list[str]:
    """Return the patterns with the most pairs, one for the same files."""
    # A pattern that has the id twice says more of a path.
    order = sorted(
        scores,
        key=lambda p: (
            *(-scores[p], _SCENE in p, '*' in p),
            *(-p.count('{}'), len(p), p),
        ),
    )
    kept: list[str] = []
    seen: set[str] = set()
    for pattern in order:
        files = set(patterns[pattern].values())
        rival = scores[pattern] > _RIVAL * scores[order[0]]
        if rival and not files & seen:
            kept.append(pattern)
            seen |= files
    return kept
