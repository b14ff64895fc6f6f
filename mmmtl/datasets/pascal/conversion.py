"""Builds the five-task layout of PASCAL-Context from official downloads."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.label_file import load_label
from mmmtl.datasets.pascal import encodings
from mmmtl.datasets.pascal.classes import (
    CLASSES,
    CONTEXT_IDS,
    HUMAN_PARTS_CLASSES,
    NUM_CONTEXT_CLASSES,
)
from mmmtl.datasets.pascal.dataset import LABEL_FILES
from mmmtl.datasets.pascal.room_layout import voc_palette
from mmmtl.datasets.sample_files import (
    FolderListing,
    check_files,
)
from mmmtl.errors import DatasetError
from mmmtl.io.arrays import READ_ERRORS, open_picture, unreadable
from mmmtl.io.folders import META_FILE, new_folder
from mmmtl.io.id_lists import read_ids, write_ids
from mmmtl.io.workers import run_parallel

SPLITS = ('train', 'val')
_NUM_CLASSES = {
    'semseg': len(CLASSES),
    'human_parts': len(HUMAN_PARTS_CLASSES),
}
#: Labels that are outputs of networks: copied from an archive, never made.
DISTILLED = {'normals': 'normals_distill', 'saliency': 'sal_distill'}


@dataclass(frozen=True)
class PascalContextSource:
    """The downloads.

    Attributes:
        voc2010: ``VOC2010``, with ``JPEGImages/`` and ``ImageSets/Main/``.
        voc2012: ``VOC2012``, with ``SegmentationClass/``.
        context: Folder of PASCAL-Context's ``<id>.mat``.
        parts: Folder of PASCAL-Part's ``<id>.mat``.
        distilled: Folder that has ``normals_distill/`` or ``sal_distill/``;
            None leaves these tasks out.
    """

    voc2010: Path
    voc2012: Path
    context: Path
    parts: Path
    distilled: Path | None = None

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that there are labels for."""
        distilled = self.distilled_tasks()
        return tuple(
            task
            for task in LABEL_FILES
            if task not in DISTILLED or task in distilled
        )

    def distilled_tasks(self) -> tuple[str, ...]:
        """Return those of them that are copied from the archive."""
        if self.distilled is None:
            return ()
        return tuple(
            task
            for task, folder in DISTILLED.items()
            if (self.distilled / folder).is_dir()
        )

    def check(self) -> None:
        """Refuse folders that are not there.

        Raises:
            DatasetError: If one is missing.
        """
        needed = {
            self.voc2010 / 'JPEGImages': 'VOC2010 of the VOC2010 trainval tar',
            self.voc2012 / 'SegmentationClass': 'VOC2012 of the VOC2012 '
            'trainval tar',
            self.context: 'the folder of .mat files of PASCAL-Context',
            self.parts: 'Annotations_Part of PASCAL-Part',
        }
        for folder, what in needed.items():
            if not folder.is_dir():
                raise DatasetError(f'{folder} is no folder: name {what}')
        if self.distilled is not None and not self.distilled_tasks():
            raise DatasetError(
                f'{self.distilled} has neither normals_distill/ nor '
                'sal_distill/: name the folder of an unpacked archive'
            )


def convert(
    source: PascalContextSource,
    out: Path,
    *,
    workers: int = 1,
    bar: bool = False,
) -> dict[str, int]:
    """Write the whole data set, or nothing.

    Every label is decoded once after it is written, as training will do.

    Args:
        source: What to convert.
        out: Folder to create; it may exist if it is empty.
        workers: Number of processes.
        bar: Show a progress bar.

    Returns:
        Number of images of each split.

    Raises:
        DatasetError: If a file is missing or cannot be used, or ``out``
            holds something.
    """
    source.check()
    splits = {
        split: read_ids(
            source.voc2010 / f'ImageSets/Main/{split}.txt',
            'it is part of the VOC2010 trainval tar',
        )
        for split in SPLITS
    }
    ids = [i for members in splits.values() for i in members]
    _check_sources(source, ids)
    with new_folder(out) as folder:
        _make_folders(folder, source.tasks())
        run_parallel(
            _convert_one,
            [(source, folder, sample_id) for sample_id in ids],
            workers=workers,
            bar='images' if bar else None,
        )
        for split, members in splits.items():
            write_ids(folder / encodings.SPLIT.format(split), members)
        _write_meta(folder, source)
    return {split: len(members) for split, members in splits.items()}


def _check_sources(source: PascalContextSource, ids: list[str]) -> None:
    places = [
        (source.voc2010, encodings.IMAGE),
        (source.context, '{}.mat'),
        (source.parts, '{}.mat'),
    ]
    places += [
        (source.distilled, LABEL_FILES[task].pattern)
        for task in source.distilled_tasks()
        if source.distilled is not None
    ]
    for root, pattern in places:
        paths = [pattern.format(sample_id) for sample_id in ids]
        check_files(FolderListing(root), paths, 'complete the download')


def _make_folders(folder: Path, tasks: tuple[str, ...]) -> None:
    patterns = [
        encodings.IMAGE,
        encodings.LABEL_MAP,
        encodings.SEMSEG_OF_CONTEXT,
    ]
    patterns += [LABEL_FILES[task].pattern for task in tasks]
    for pattern in patterns:
        (folder / pattern).parent.mkdir(parents=True, exist_ok=True)


def _convert_one(job: tuple[PascalContextSource, Path, str]) -> None:
    source, folder, sample_id = job
    copies = {
        encodings.IMAGE: source.voc2010 / encodings.IMAGE.format(sample_id),
        encodings.LABEL_MAP: source.context / f'{sample_id}.mat',
        encodings.PARTS: source.parts / f'{sample_id}.mat',
    }
    if source.distilled is not None:
        for task in source.distilled_tasks():
            pattern = LABEL_FILES[task].pattern
            copies[pattern] = source.distilled / pattern.format(sample_id)
    voc = source.voc2012 / f'SegmentationClass/{sample_id}.png'
    if voc.is_file():
        copies[encodings.SEMSEG_OF_VOC] = voc
    for pattern, path in copies.items():
        shutil.copyfile(path, folder / pattern.format(sample_id))
    try:
        if encodings.SEMSEG_OF_VOC not in copies:
            write_semseg(
                folder / encodings.LABEL_MAP.format(sample_id),
                folder / encodings.SEMSEG_OF_CONTEXT.format(sample_id),
            )
        _decode_all(folder, sample_id, source.tasks())
    except DatasetError as error:
        # The unfinished folder has another name than anyone knows.
        text = str(error).replace(f'{folder}/', '')
        raise DatasetError(
            f'download of {sample_id}, in the place it would have: {text}'
        ) from error


def write_semseg(label_map: Path, path: Path) -> None:
    """Write VOC's classes as PASCAL-Context has them.

    Args:
        label_map: The ``.mat`` file.
        path: The palette picture to write.

    Raises:
        DatasetError: If the file cannot be used.
    """
    stored = encodings.read_label_map(label_map)
    try:
        classes = encodings.decode_label_map(stored)
    except ValueError as error:
        raise DatasetError(f'{label_map}: {error}') from error
    table = np.zeros(NUM_CONTEXT_CLASSES + 1, np.uint8)
    table[list(CONTEXT_IDS)] = np.arange(len(CLASSES))
    picture = Image.fromarray(table[classes])
    picture.putpalette(voc_palette().tobytes())
    picture.save(path)


def _decode_all(folder: Path, sample_id: str, tasks: tuple[str, ...]) -> None:
    image = folder / encodings.IMAGE.format(sample_id)
    try:
        with open_picture(image) as picture:
            picture.load()
    except READ_ERRORS as error:
        raise unreadable(image, error) from error
    size = (picture.height, picture.width)
    present = FolderListing(folder)
    for task in tasks:
        path = folder / LABEL_FILES[task].place(sample_id, present)
        load_label(task, path, LABEL_FILES[task], size, _NUM_CLASSES.get(task))


def _write_meta(folder: Path, source: PascalContextSource) -> None:
    meta = {
        'content': 'PASCAL-Context with VOC classes, human parts of '
        'PASCAL-Part, and distilled labels where there were any',
        'tasks': list(source.tasks()),
        'semseg': 'VOC2012 SegmentationClass, else PASCAL-Context',
    }
    text = json.dumps(meta, indent=2) + '\n'
    (folder / META_FILE).write_text(text, 'utf-8')
