"""A data set of any folder: patterns, splits and encodings are declared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.folder import polygons
from mmmtl.datasets.folder.encodings import (
    OUR_AXES,
    as_tuple,
    check_settings,
    make_decoder,
    parse_axes,
    read_colours,
)
from mmmtl.datasets.folder.listing import (
    check_splits,
    files_by_id,
    ids_of_share,
)
from mmmtl.datasets.label_file import LabelFile, part_names
from mmmtl.datasets.sample_files import FolderListing, check_root
from mmmtl.errors import DatasetError, did_you_mean
from mmmtl.io.arrays import read_array
from mmmtl.io.id_lists import read_ids
from mmmtl.registry import DATASETS
from mmmtl.tasks import Task, get_task
from mmmtl.tasks.kinds import Binary
from mmmtl.tasks.kinds.classes import LAST_ID

Missing = Literal['refuse', 'no_label']
Fit = Literal['refuse', 'nearest']
_OPTIONS = {
    'missing': ('refuse', 'no_label'),
    'fit': ('refuse', 'nearest'),
    'polygons': ('coco', 'labelme'),
}


@DATASETS.register_module()
class FolderDataset(BaseMultiTaskDataset):
    """Images and labels by pattern, with encodings that the config states.

    ``docs/data.md``, "Your own folder", lists what may be stated.

    Examples:
        >>> dict(
        ...     type='FolderDataset',
        ...     data_root='data/bridges',
        ...     split='train',
        ...     splits=dict(train=0.8, val=0.2),
        ...     image='rgb/{}.jpg',
        ...     labels=dict(
        ...         cracks='masks/{}.png',
        ...         height=dict(path='h/{}.npy', scale=0.001, no_label=0),
        ...     ),
        ... )  # doctest: +SKIP
    """

    METAINFO = dict(dataset_name='folder')
    HINT = (
        "'{}' in a pattern stands for the sample id; missing='no_label' "
        'takes samples without a label too'
    )

    def __init__(
        self,
        data_root: str | Path,
        *,
        split: str,
        tasks: Sequence[str] | None,
        pipeline: Sequence[dict | Callable],
        image: str,
        labels: Mapping[str, str | Mapping[str, Any]],
        splits: Mapping[str, str] | Mapping[str, float],
        classes: Mapping[str, Sequence[str]] | None = None,
        palettes: Mapping[str, Sequence[Sequence[int]]] | None = None,
        missing: Missing = 'refuse',
        fit: Fit = 'refuse',
        metainfo: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
    ) -> None:
        """Store the options and, unless lazy, look for every file.

        Args:
            data_root: The data folder.
            split: Name of a split, a key of ``splits``.
            tasks: See the base class.
            pipeline: See the base class.
            image: Pattern of the images below the data folder: ``{}`` stands
                for the sample id, which may hold folders, ``*`` for anything
                within a name; in ``{scene}/rgb/{}.jpg`` the id is both.
            labels: Task -> pattern, or a dictionary of ``path`` and how the
                values are stored.
            splits: Split -> file below the data folder with one id per line,
                or for all of them a share of the samples (a hash of the id
                decides).
            classes: Task -> names of its classes, for every task of classes.
            palettes: Task -> a colour per class.
            missing: What to do about a label that is not there:
                ``'no_label'`` takes the sample without it.
            fit: What to do about a label of another size than its image:
                ``'nearest'`` resizes it to the nearest pixel.
            metainfo: See the base class.
            indices: See the base class.
            serialize_data: See the base class.
            lazy_init: See the base class.

        Raises:
            DatasetError: If a folder or file is missing, a sample has two
                files, or the split is empty.
            ValueError: If an option cannot be used.
        """
        self.root = Path(data_root)
        self.image = image
        self.splits = check_splits(splits)
        self.classes = dict(classes or {})
        self.rows = {
            task: _full_row(task, row, missing=missing, fit=fit)
            for task, row in labels.items()
        }
        _check_pattern(image, image)
        for row in self.rows.values():
            _check_pattern(row['path'], image)
        self._check_classes()
        own = {get_task(t).classes_key: n for t, n in self.classes.items()}
        colours = {
            get_task(t).palette_key: c for t, c in (palettes or {}).items()
        }
        super().__init__(
            data_root,
            split=split,
            tasks=tasks,
            pipeline=pipeline,
            metainfo={**own, **colours, **(metainfo or {})},
            indices=indices,
            serialize_data=serialize_data,
            lazy_init=lazy_init,
        )

    def image_pattern(self) -> str:
        """See the base class."""
        return self.image

    def label_table(self) -> dict[str, LabelFile]:
        """See the base class."""
        return {
            task: self._label_file(get_task(task), row)
            for task, row in self.rows.items()
        }

    def split_file(self, split: str) -> str:
        """See the base class; the data folder where shares are stated."""
        stated = self.splits[split]
        return stated if isinstance(stated, str) else ''

    def list_samples(self) -> list[dict]:
        """See the base class."""
        check_root(self.root, self.HINT)
        if self.split not in self.splits:
            known = did_you_mean(self.split, self.splits)
            raise ValueError(f'split {self.split!r}: {known}')
        images = files_by_id(self.root, self.image)
        stated = self.splits[self.split]
        if isinstance(stated, str):
            ids = read_ids(self.root / stated, self.HINT)
        else:
            ids = ids_of_share(images, self.splits, self.split)
        if not ids:
            raise DatasetError(
                f'split {self.split!r}, {stated:g} of {len(images)} images '
                f'{self.root / self.image}, is empty: correct the pattern, '
                'or state a larger share'
            )
        places = {task: self._places(task) for task in self.tasks}
        present = FolderListing(self.root)
        samples = [self._sample(present, sample_id) for sample_id in ids]
        for sample, sample_id in zip(samples, ids, strict=True):
            if sample_id in images:
                sample['img_path'] = str(self.root / images[sample_id])
            for task, found in places.items():
                if sample_id in found:
                    path = str(self.root / found[sample_id])
                    sample['label_paths'][task] = path
            for task in self.tasks:
                # All of them are in one file; the image says which is meant.
                if self._annotations(task):
                    sample['label_paths'][task] = sample['img_path']
            sample['label_paths'] = {
                task: path
                for task, path in sample['label_paths'].items()
                if self.rows[task]['missing'] == 'refuse'
                or self._has_label(task, path, present)
            }
        return samples

    def load_data_list(self) -> list[dict]:
        """See the base class."""
        samples = super().load_data_list()
        for task in self.tasks:
            if not any(task in sample['label_paths'] for sample in samples):
                raise DatasetError(
                    f'no sample of {self.split!r} has a label of {task!r} at '
                    f'{self.root / self.rows[task]["path"]}: correct the '
                    'pattern, or take the task out'
                )
            if self._annotations(task):
                self._check_coco(task, samples)
            self._check_names(task)
        return samples

    def most_of_one_value(self, task: str) -> float:
        """See the base class; what a folder shows is not known."""
        del task
        return 0.99

    def _places(self, task: str) -> dict[str, str]:
        """Return the files of a pattern that does not say all of a name."""
        path = self.rows[task]['path']
        return files_by_id(self.root, path) if '*' in path else {}

    def _annotations(self, task: str) -> str | None:
        """Return the file of all outlines of a task, if there is one."""
        row = self.rows[task]
        coco = row.get('polygons') == 'coco'
        return str(self.root / row['path']) if coco else None

    def _has_label(self, task: str, path: str, present: FolderListing) -> bool:
        annotations = self._annotations(task)
        if annotations:
            return polygons.coco_name(path, annotations) is not None
        return os.path.relpath(path, self.root) in present

    def _label_file(self, task: Task, row: Mapping[str, Any]) -> LabelFile:
        fit = row['fit'] == 'nearest'
        form = row.get('polygons')
        if form is None:
            names = self.classes.get(task.name)
            axes = parse_axes(task.name, row.get('axes', OUR_AXES))
            return LabelFile(
                row['path'],
                make_decoder(task, row, None if names is None else len(names)),
                first_id=row.get('first_id', 0),
                read=read_colours if 'colours' in row else read_array,
                fit=fit,
                axes=axes,
            )
        draw = self._drawing(task, row)
        if form == 'labelme':
            return LabelFile(
                row['path'], draw, read=polygons.read_labelme, fit=fit
            )
        read = partial(
            polygons.read_coco,
            annotations=str(self.root / row['path']),
        )
        return LabelFile(
            self.image, draw, read=read, also=(row['path'],), fit=fit
        )

    def _drawing(self, task: Task, row: Mapping[str, Any]) -> partial:
        if isinstance(task.kind, Binary):
            names = row.get('names')
            ids = None if names is None else dict.fromkeys(as_tuple(names), 1)
            return partial(
                polygons.draw_outlines, ids=ids, outside=0, skip_others=True
            )
        none = int(task.kind.no_label)
        ids = {name: i for i, name in enumerate(self.classes[task.name])}
        ids.update(dict.fromkeys(as_tuple(row.get('no_label', ())), none))
        places = {**ids, **{i: i for i in ids.values()}, none: none}
        outside = row.get('outside', none)
        if outside not in places:
            raise ValueError(
                f'labels[{task.name!r}]: outside={outside!r} is no class: '
                f'{did_you_mean(str(outside), ids)}'
            )
        return partial(
            polygons.draw_outlines, ids=ids, outside=places[outside]
        )

    def _check_coco(self, task: str, samples: Sequence[dict]) -> None:
        """Refuse what is not in the list, shares an entry or has no outline.

        All other shapes than those with a name in ``names`` may lack one.
        """
        annotations = str(self._annotations(task))
        row = self.rows[task]
        names = as_tuple(row['names']) if 'names' in row else None
        users: dict[str | None, str] = {}
        for sample in samples:
            if task not in sample['label_paths']:
                continue
            path = sample['img_path']
            outlines = polygons.read_coco(path, annotations=annotations)
            polygons.check_outlines(outlines, names)
            name = polygons.coco_name(path, annotations)
            if users.setdefault(name, path) != path:
                raise DatasetError(
                    f'{task}: {users[name]} and {path} are both {name!r} in '
                    f'{annotations}: write file names with their folders'
                )

    def _check_names(self, task: str) -> None:
        """Refuse names that no shape has: their mask would be empty."""
        row = self.rows[task]
        wanted = set(as_tuple(row.get('names', ())))
        known: set[str] = set()
        for names in self._names_of_shapes(row) if wanted else ():
            known |= names
            if wanted <= known:
                return
        for name in sorted(wanted - known):
            raise DatasetError(
                f'labels[{task!r}]: no shape of {self.root / row["path"]} is '
                f'named {name!r}: {did_you_mean(name, known)}'
            )

    def _names_of_shapes(self, row: Mapping[str, Any]) -> Iterator[set[str]]:
        """Yield the names in every file; a split may lack a rare one."""
        path = row['path']
        if row['polygons'] == 'coco':
            yield polygons.coco_categories(str(self.root / path))
            return
        for found in files_by_id(self.root, path).values():
            shapes = polygons.read_labelme(self.root / found).shapes
            yield {name for name, _ in shapes}

    def _check_classes(self) -> None:
        for task, names in self.classes.items():
            if isinstance(names, str):
                raise ValueError(
                    f'classes[{task!r}]={names!r}: give a list of names'
                )
            if len(names) > LAST_ID + 1:
                raise ValueError(
                    f'classes[{task!r}] names {len(names)} classes: at most '
                    f'{LAST_ID + 1} fit beside "no label"'
                )
        for task in self.rows:
            wants = get_task(task).kind.has_classes
            if wants and task not in self.classes:
                raise ValueError(
                    f'{task!r} has no classes: name them, '
                    f"classes=dict({task}=['...', ...])"
                )


def _full_row(
    task: str, row: str | Mapping[str, Any], **defaults: str
) -> dict[str, Any]:
    """Return the entry of a label with all options, checked."""
    stated = {'path': row} if isinstance(row, str) else dict(row)
    check_settings(get_task(task), stated)
    full = {**defaults, **stated}
    for name, known in _OPTIONS.items():
        if name in full and full[name] not in known:
            raise ValueError(
                f'labels[{task!r}]: {name}={full[name]!r}, give '
                f'{" or ".join(map(repr, known))}'
            )
    return full


def _check_pattern(pattern: str, image: str) -> None:
    one_file = '{}' not in pattern and pattern.endswith('.json')
    if '{}' not in pattern and not one_file:
        raise ValueError(
            f"pattern {pattern!r} has no '{{}}', which stands for the sample "
            "id: write for instance 'rgb/{}.jpg'"
        )
    if not one_file and part_names(pattern) != part_names(image):
        raise ValueError(
            f'pattern {pattern!r} has other parts in braces than {image!r}: '
            'an id has the same parts, in one order'
        )
