"""Writes a small folder in PASCAL-Context's layout with known labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

FILES = {
    'image': 'JPEGImages/{}.jpg',
    'semseg': 'semseg/pascal-context/{}.png',
    'human_parts': 'human_parts/{}.mat',
    'normals': 'normals_distill/{}.png',
    'saliency': 'sal_distill/{}.png',
    'context': 'pascal-context/trainval/{}.mat',
}
SIZE = (12, 16)
TRAIN, VAL = ('2008_000002', '2009_000010'), ('2010_000003',)


def rectangle(
    rows: slice, columns: slice, size: tuple[int, int] = SIZE
) -> np.ndarray:
    """Return a mask."""
    mask = np.zeros(size, np.uint8)
    mask[rows, columns] = 1
    return mask


def structs(rows: Sequence[Mapping[str, object]]) -> np.ndarray:
    """Return MATLAB's struct array, or its empty matrix."""
    if not rows:
        return np.zeros((0, 0))
    array = np.empty((1, len(rows)), [(name, object) for name in rows[0]])
    for index, row in enumerate(rows):
        array[0, index] = tuple(row.values())
    return array


def thing(
    class_ind: int, mask: np.ndarray, parts: Mapping[str, np.ndarray]
) -> dict[str, object]:
    """Return an object of PASCAL-Part."""
    rows = [{'part_name': n, 'mask': m} for n, m in parts.items()]
    return {
        'class': 'some name',
        'class_ind': float(class_ind),
        'mask': mask,
        'parts': structs(rows),
    }


def annotation(things: Sequence[Mapping[str, object]]) -> dict:
    """Return PASCAL-Part's `anno`."""
    return {'anno': {'imname': 'x', 'objects': structs(things)}}


def two_people(size: tuple[int, int] = SIZE) -> dict:
    """A person whose hand covers the torso, a second one, and a horse."""

    def area(top: int, bottom: int, left: int, right: int) -> np.ndarray:
        return rectangle(slice(top, bottom), slice(left, right), size)

    first = {
        'hair': area(0, 1, 0, 4),
        'torso': area(1, 5, 0, 4),
        'lhand': area(3, 6, 2, 6),
    }
    second = {'rfoot': area(10, 12, 8, 10), 'luarm': area(6, 7, 8, 10)}
    horse = {'head': area(8, 10, 0, 4)}
    return annotation(
        [
            thing(15, area(0, 6, 0, 6), first),
            thing(13, area(8, 10, 0, 4), horse),
            thing(15, area(6, 12, 8, 10), second),
            thing(15, area(11, 12, 15, 16), {}),
        ]
    )


def stored(size: tuple[int, int] = SIZE) -> dict[str, object]:
    """Return what is stored for a sample, by task, and its image (RGB)."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    semseg = ((rows + columns) % 21).astype(np.uint8)
    semseg[0] = 255
    # person, horse (no normals), wall
    context = np.choose(columns * 3 // width, [284, 207, 440])
    return {
        'image': np.full((*size, 3), 100, np.uint8),
        'semseg': semseg,
        'human_parts': two_people(size),
        'normals': np.stack([rows * 9, columns * 7, rows], -1).astype('u1'),
        'saliency': (columns * 250 // width).astype(np.uint8),
        'context': {'LabelMap': context.astype(np.uint16)},
    }


def write_file(root: Path, name: str, sample_id: str, content: object) -> Path:
    """Write one file of a sample.

    Args:
        root: The data folder.
        name: A task, ``'image'`` or ``'context'``.
        sample_id: The sample.
        content: An array, or the variables of a ``.mat`` file.
    """
    path = root / FILES[name].format(sample_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.mat':
        savemat(path, content, do_compression=True)
        return path
    picture = Image.fromarray(content)
    if name == 'semseg' and picture.mode == 'L':
        picture.putpalette([255 - n // 3 for n in range(768)])
    picture.save(path)
    return path


def write_pascal(
    root: Path,
    train: Sequence[str] = TRAIN,
    val: Sequence[str] = VAL,
    size: tuple[int, int] = SIZE,
) -> Path:
    """Write a whole folder.

    Args:
        root: The data folder.
        train: Ids of the training samples.
        val: Ids of the validation samples.
        size: Height and width.
    """
    for sample_id in (*train, *val):
        for name, content in stored(size).items():
            write_file(root, name, sample_id, content)
    folder = root / 'ImageSets/Context'
    folder.mkdir(parents=True)
    for split, ids in (('train', train), ('val', val)):
        (folder / f'{split}.txt').write_text(''.join(f'{i}\n' for i in ids))
    return root
