"""A config for any folder: right, or asked about.

Rendered rooms are written in random layouts and encodings. Questions are
answered as the writer knows it; the right answer must be among the choices.
Then what the config decodes must be what was rendered.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmmtl.datasets import FolderDataset
from mmmtl.datasets.inspection import (
    Answers,
    OpenQuestionsError,
    Question,
    new_config,
    read_tasks,
)
from mmmtl.datasets.label_file import fill
from mmmtl.rooms import RoomSample, render_room
from mmmtl.tasks import register_tasks
from mmmtl.tasks.kinds.stored import read_values
from tests.own_tasks import own_table

ROOMS = 4
SIZE = (48, 64)
KINDS = dict(
    semseg=None,
    materials='classes',
    saliency=None,
    cracks='binary',
    depth=None,
    normals=None,
    height='scalar',
)
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
]
# Folder layouts: how image and label of a sample are called.
LAYOUTS = {
    'flat': ('rgb/{}.png', '{task}/{}{end}'),
    'suffixes': ('rgb/{}_rgb.png', '{task}/{}_{task}{end}'),
    'one folder': ('{}_rgb.png', '{}_{task}{end}'),
    'prefixes': ('images/img_{}.jpg', '{task}/{task}_{}{end}'),
    'by sample': ('{}/rgb.png', '{}/{task}{end}'),
    'twice': ('{}/{}_rgb.png', '{}/{}_{task}{end}'),
    'scenes': ('*/rgb/{}.png', '*/{task}/{}{end}'),
    'same names': ('{scene}/rgb/{}.png', '{scene}/{task}/{}{end}'),
    'unnamed': ('{}.jpg', 'labels/{letter}/{}{end}'),
}
# Where the channels of normals point: component and sign in our frame.
WORDS = dict(
    right=(0, 1), left=(0, -1), down=(1, 1), up=(1, -1),
    forward=(2, 1), towards=(2, -1),
)  # fmt: skip
STEP = {
    'metres': 1.0,
    'centimetres': 0.01,
    'millimetres': 0.001,
    '1/256': 1 / 256,
}


@dataclass
class Written:
    """How the labels of a task were written.

    Attributes:
        path: Their pattern.
        encoding: The word for it.
        absent: Stored values that mean "no label"; None if nobody may ask.
        truth: By sample id; NaN, -1 of classes, 255 of masks, 0 of depth or
            (0, 0, 0) without a label.
    """

    path: str
    encoding: str
    absent: set[float] | None
    truth: dict[str, np.ndarray]


@cache
def rooms() -> list[RoomSample]:
    return [render_room(seed, *SIZE) for seed in range(ROOMS)]


def holes(pick: Random) -> np.ndarray:
    """Return where there is no label: a rectangle in each of the rooms."""
    where = np.zeros((ROOMS, *SIZE), bool)
    top, left = pick.randint(0, 28), pick.randint(0, 56)
    where[:, top : top + pick.randint(3, 20), left : left + 8] = True
    return where.reshape(-1, SIZE[1])


def store(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)


def write_classes(pick: Random, ids: np.ndarray, hole: np.ndarray) -> tuple:
    first = pick.choice([0, 1, 5, 100])
    absent = pick.choice([None, 0, 255, 'both'])
    if first == 0 and absent in (0, 'both'):
        absent = 255
    stored = (ids + first).astype(np.uint8)
    truth = stored.astype(int)
    found = set()
    if absent is not None:
        stored[hole] = 255 if absent == 'both' else absent
        found = {255 if absent == 'both' else absent}
        if absent == 'both':
            stored[:3] = 0
            found = {0, 255}
        truth[np.isin(stored, list(found))] = -1
    form = pick.choice(['.png', '.npy', 'grey', 'colours', 'int'])
    if form == 'int':
        if 255 in found:
            wide = stored.astype(np.int32)
            wide[stored == 255] = -1
            return wide, truth, 'ids', found - {255} | {-1}, '.npy'
        return stored.astype(np.int64), truth, 'ids', found, '.npy'
    if form == 'grey':
        return np.stack([stored] * 3, -1), truth, 'ids', found, '.png'
    if form == 'colours':
        table = np.random.default_rng(first).integers(1, 2**24 - 1, 256)
        table[0], table[255] = 0, 2**24 - 1
        codes = table[stored]
        colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1)
        truth = np.where(truth == -1, -1, codes)
        found = {int(table[v]) for v in found}
        return colours.astype(np.uint8), truth, 'ids', found, '.png'
    return stored, truth, 'ids', found, form


def write_binary(pick: Random, mask: np.ndarray, hole: np.ndarray) -> tuple:
    form = pick.choice(
        ['0 1', '0 255', 'bool', '0 1 255', '0 255 128', '1 2', 'red']
    )
    mask = mask.astype(np.uint8)
    mask[-4:, -4:] = 1  # no mask is empty
    inverted = pick.random() < 0.5
    on = 1 - mask if inverted else mask
    truth, end, found = mask.copy(), '.png', set()
    low, high = dict(
        zip(
            ['0 1', '0 255', 'bool', '0 1 255', '0 255 128', '1 2', 'red'],
            [
                (0, 1),
                (0, 255),
                (0, 1),
                (0, 1),
                (0, 255),
                (1, 2),
                (0, 0xFF0000),
            ],
            strict=True,
        )
    )[form]
    stored = np.where(on, high, low)
    if form in ('0 1 255', '0 255 128'):
        found = {int(form.split()[-1])}
        stored[hole] = min(found)
        truth[hole] = 255
    if form == 'red':
        stored = np.stack([on * 255, on * 0, on * 0], -1)
    stored = stored.astype(np.uint8)
    if form == 'bool':
        stored, end = on.astype(bool), '.npy'
    one = low if inverted else high
    word = f'#{one:06x}' if form == 'red' else str(one)
    return stored, truth, word, found, end


def write_depth(pick: Random, depth: np.ndarray, hole: np.ndarray) -> tuple:
    unit = pick.choice(list(STEP))
    inverse = pick.random() < 0.5
    whole = pick.random() < 0.5
    absent = pick.choice([None, 0, 'max', -1, np.nan, np.inf])
    truth = depth.astype(np.float64).copy()
    if inverse:
        # Steps of 1/1000 per metre where whole numbers are stored.
        stored = 1 / truth * (1000 if whole else 1)
        word = 'inverse*1/1000' if whole else 'inverse'
    else:
        stored = truth / STEP[unit]
        word = unit
    if whole:
        stored = np.maximum(stored.round(), 1)
        truth = 1000 / stored if inverse else stored * STEP[unit]
        absent = absent if absent in (0, 'max') else None
    found = set()
    if absent is not None:
        value = (
            (65535 if whole else 1000 * stored.max())
            if absent == 'max'
            else absent
        )
        stored[hole] = value
        truth[hole] = 0
        found = {float(np.float32(value))} if np.isfinite(value) else set()
    if whole:
        end = pick.choice(['.png', '.npy'])
        return stored.astype(np.uint16), truth, word, found, end
    return stored.astype(np.float32), truth, word, found, '.npy'


def write_normals(
    pick: Random, normals: np.ndarray, hole: np.ndarray
) -> tuple:
    frame = pick.sample(range(3), 3)
    names = [('right', 'left'), ('down', 'up'), ('forward', 'towards')]
    words = [names[i][pick.randint(0, 1)] for i in frame]
    stored = np.stack(
        [normals[..., WORDS[w][0]] * WORDS[w][1] for w in words], -1
    )
    truth = normals.copy()
    truth[hole] = 0
    form = pick.choice(['bytes', 'unit', 'half'])
    if form == 'bytes':
        stored = ((stored + 1) * 127.5).round().astype(np.uint8)
        none = pick.choice([0, 127, 128, 255])
    elif form == 'half':
        stored = (stored / 2 + 0.5).astype(np.float32)
        none = pick.choice([0, 0.5])
    else:
        stored = stored.astype(np.float32)
        none = pick.choice([0, np.nan])
    stored[hole] = none
    end = '.png' if form == 'bytes' else '.npy'
    return stored, truth, ' '.join(words), None, end


def write_scalar(pick: Random, values: np.ndarray, hole: np.ndarray) -> tuple:
    form = pick.choice(['float', 'double', 'bytes', 'thousandths'])
    values = values.astype(np.float64)
    if form in ('float', 'double'):
        low, high = pick.choice([(0, 1), (-2, 5), (100, 900)])
        truth = low + values * (high - low)
        stored = truth.astype(np.float32 if form == 'float' else np.float64)
        none = pick.choice([None, np.nan, 0, -1, -9999, 65535])
        word, end = '1', '.npy'
    else:
        step = 1 / 255 if form == 'bytes' else 1 / 1000
        stored = (values / step).round()
        truth = stored * step
        none = pick.choice([None, 0, 255 if step > 0.002 else 65535])
        stored = stored.astype(np.uint8 if form == 'bytes' else np.uint16)
        word, end = ('1/255' if form == 'bytes' else '1/1000'), '.png'
    found = set()
    if none is not None:
        stored[hole] = none
        found = set() if np.isnan(none) else {none}
        # The value itself may occur elsewhere, too.
        truth[(stored == none) | hole] = np.nan
    return stored, truth, word, found, end


WRITERS = dict(
    semseg=(write_classes, lambda room: room.semseg),
    materials=(write_classes, lambda room: room.human_parts + room.edge * 9),
    saliency=(write_binary, lambda room: room.saliency),
    cracks=(write_binary, lambda room: room.edge),
    depth=(write_depth, lambda room: room.depth),
    normals=(write_normals, lambda room: room.normals),
    height=(write_scalar, lambda room: room.reshading * 0.9 + 0.05),
)


IDS = {
    'numbers': [f'{i:04d}' for i in range(ROOMS)],
    'words': ['oak_tree', 'old-mill', 'pond', 'road2'],
    'scenes': [
        f'{"hall" if i % 2 else "kitchen"}/{i // 2}' for i in range(ROOMS)
    ],
    'nested': [f'{"north" if i % 2 else "south"}/{i}' for i in range(ROOMS)],
}


def folders(
    pick: Random,
) -> tuple[dict[str, np.ndarray], dict, list[str] | None]:
    """Draw the files of a folder, how labels were written, and its list."""
    tasks = pick.sample(list(KINDS), pick.randint(1, 3))
    layout = pick.choice(list(LAYOUTS))
    kind = pick.choice(['numbers', 'words', 'nested'])
    ids = IDS['numbers' if layout in ('twice', 'prefixes') else kind]
    ids = IDS['scenes'] if layout == 'same names' else ids
    image, label = LAYOUTS[layout]
    scenes = dict(zip(ids, ['old', 'new'] * ROOMS, strict=False))

    def path(pattern: str, sample_id: str) -> str:
        return fill(pattern.replace('*', scenes[sample_id]), sample_id)

    files = {
        path(image, i): room.image
        for i, room in zip(ids, rooms(), strict=True)
    }
    written = {}
    for letter, task in zip('abc', tasks, strict=False):
        write, choose = WRITERS[task]
        stacked = np.concatenate([choose(room) for room in rooms()])
        hole = holes(pick)
        stored, truth, word, absent, end = write(pick, stacked, hole)
        pattern = label.replace('{task}', task).replace('{letter}', letter)
        pattern = pattern.replace('{end}', end)
        parts = [np.split(array, ROOMS) for array in (stored, truth)]
        for sample_id, part in zip(ids, parts[0], strict=True):
            files[path(pattern, sample_id)] = part
        truths = dict(zip(ids, parts[1], strict=True))
        written[task] = Written(pattern, word, absent, truths)
    return files, written, pick.choice([None, ids[:3]])


def answer(question: Question, written: dict[str, Written]) -> str:
    """Return the right answer, which must be one of the choices."""
    if question.option in ('--splits', '--image'):
        raise AssertionError(question)
    known = written[question.task]
    if question.option == '--labels':
        assert known.path in question.choices
        return known.path
    if question.option == '--encoding':
        word = known.encoding
        form = 'inverse*STEP' if word.startswith('inverse*') else 'STEP'
        assert {word, form} & set(question.choices), (word, question)
        return word
    assert question.option == '--no-label'
    for choice in question.choices:
        extra = set(read_values(choice)) ^ known.absent
        # Depth of 0 and less is none anyway.
        if not extra or (question.task == 'depth' and max(extra) <= 0):
            return choice
    raise AssertionError((known.absent, question))


def configure(
    root: Path, out: Path, written: dict[str, Written]
) -> tuple[dict[str, Any], int]:
    """Return the variables of the config, and how much was asked."""
    tasks = read_tasks({task: KINDS[task] for task in written})
    answers: dict[str, dict[str, str]] = {}
    asked = 0
    for _ in range(3):
        given = Answers(**answers)
        try:
            new_config(root, tasks, out, answers=given)
            break
        except OpenQuestionsError as error:
            for question in error.questions:
                asked += 1
                name = question.option.lstrip('-').replace('-', '_')
                answers.setdefault(name, {})[question.task] = answer(
                    question, written
                )
    variables: dict[str, Any] = {}
    exec(out.read_text(), variables)
    return variables, asked


def check_labels(variables: dict[str, Any], written: dict) -> list[str]:
    """Compare what the config decodes; return the ids of both splits."""
    folder, seen = variables['folder'], []
    for split in ('train', 'val'):
        options = dict(
            split=split, tasks=None, pipeline=PIPELINE, serialize_data=False
        )
        dataset = FolderDataset(**{**folder, **options})
        for sample in dataset:
            seen.append(sample['sample_id'])
            for task, known in written.items():
                label = sample['labels'][task]
                truth = known.truth[sample['sample_id']]
                names = folder.get('classes', {}).get(task)
                check_label(task, label, truth, names)
    return seen


def check_label(
    task: str, label: np.ndarray, truth: np.ndarray, names: list[str] | None
) -> None:
    if names:
        values = [
            int(n[3:].replace('#', ''), 16 if '#' in n else 10) for n in names
        ]
        label = np.array([*values, *[-1] * (256 - len(values))])[label]
    if task == 'normals':
        assert (label[(truth == 0).all(-1)] == 0).all()
        assert np.abs(label - truth).max() < 0.01
    else:
        np.testing.assert_allclose(label, truth, rtol=1e-4, atol=1e-4)


STATE: Counter[str] = Counter()


@settings(
    max_examples=int(os.environ.get('MMMTL_DRAWS', '300')),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(pick=st.randoms(use_true_random=True))
def scrambled(base: Path, pick: Random) -> None:
    files, written, train = folders(pick)
    root = base / 'data'
    shutil.rmtree(base, ignore_errors=True)
    for path, values in files.items():
        store(root / path, values)
    ids = list(next(iter(written.values())).truth)
    if train:
        (root / 'train.txt').write_text('\n'.join(train))
        (root / 'val.txt').write_text('\n'.join(ids[len(train) :]))
    with own_table():
        variables, asked = configure(root, base / 'config.py', written)
        register_tasks(variables.get('new_tasks', {}))
        seen = check_labels(variables, written)
    assert sorted(seen) == sorted(ids)
    if train:
        assert seen[: len(train)] == train
    STATE['asked' if asked else 'silent'] += 1


@pytest.mark.slow
def test_scrambled_rooms_come_out_right_or_are_asked_about(
    tmp_path: Path,
) -> None:
    STATE.clear()
    scrambled(tmp_path / 'case')
    # Neither is rare.
    assert min(STATE['asked'], STATE['silent']) > 15, STATE
