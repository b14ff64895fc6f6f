"""What every data set of images with labels of several tasks shares."""

from __future__ import annotations

import os
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import cv2
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope

from mmmtl.datasets.label_file import LabelFile, fill
from mmmtl.datasets.sample_files import (
    FolderListing,
    check_any_file,
    check_files,
    check_root,
)
from mmmtl.datasets.transforms.pasted import refuse_pasted
from mmmtl.errors import DatasetError
from mmmtl.io.arrays import unreadable
from mmmtl.io.id_lists import read_ids
from mmmtl.io.plain_files import check_regular, read_lines
from mmmtl.registry import SCOPE
from mmmtl.tasks import check_tasks, get_task, new_rows, register_tasks


class BaseMultiTaskDataset(BaseDataset, metaclass=ABCMeta):
    """Images and, per task, one label file each.

    A concrete data set says where its files lie and how they are encoded:
    ``METAINFO``, ``HINT``, :meth:`image_pattern`, :meth:`label_table` and
    :meth:`split_file`. The methods may depend on options that its
    constructor stores before it calls this one. Only the labels of the
    configured tasks are looked for and read.

    A sample that cannot be read stops the run with a
    :class:`~mmmtl.errors.DatasetError`; it is never replaced by
    another one.

    Convention:
        Samples start as ``img_path``, ``sample_id``, ``label_paths`` (task ->
        file), ``label_files`` (task -> :class:`LabelFile`), ``num_classes``
        (task -> number, for maps of classes) and ``tasks``.

    Attributes:
        image: Path of an image below the data folder; ``{}`` is the sample
            id.
        label_files: Task -> how its labels are stored, for every task that
            this data set has labels for.
        tasks: Those of them that are read, in the order of the config.
        rows: Their rows of the table.
    """

    #: What to do about missing files, for error texts.
    HINT: ClassVar[str]

    def __init__(
        self,
        data_root: str | Path,
        *,
        split: str,
        tasks: Sequence[str] | None,
        pipeline: Sequence[dict | Callable],
        metainfo: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
        allow_missing_labels: bool = False,
    ) -> None:
        """Store the options and, unless lazy, look for every file.

        Args:
            data_root: The data folder.
            split: Which part, e.g. ``'train'`` or ``'val'``.
            tasks: Tasks whose labels are read, in the order of the config;
                None, for tools, takes all that the data set has labels for.
            pipeline: Transforms from the sample's paths to the network's
                input.
            metainfo: Replaces entries of ``METAINFO``: ``classes`` and
                ``palette`` where a folder in the same layout holds other
                classes.
            indices: Use only these samples, or only the first ``indices``.
            serialize_data: Keep the list of samples in one block of memory
                that loader processes share.
            lazy_init: Look for the files at the first use, not now.
            allow_missing_labels: A sample may lack the label file of any
                task; it has no field of that task then. At least one sample
                must have a label of each task.

        Raises:
            DatasetError: If a folder or file is missing.
            ValueError: If a task is unknown, this data set has no labels
                for it, or a transform of another library would part image
                and labels.
        """
        self.image = self.image_pattern()
        self.label_files = self.label_table()
        self.tasks = self._check_tasks(tasks)
        self.split = split
        self.allow_missing_labels = allow_missing_labels
        # A transform's name is looked up in our registry whoever builds us.
        with DefaultScope.overwrite_default_scope(SCOPE):
            super().__init__(
                metainfo=metainfo,
                data_root=str(data_root),
                data_prefix={},
                indices=indices,
                serialize_data=serialize_data,
                pipeline=list(pipeline),
                # A pipeline that returns None is an error in training too.
                test_mode=True,
                lazy_init=True,
                max_refetch=0,
            )
        refuse_pasted(self.pipeline.transforms)
        self._check_metainfo()
        if not lazy_init:
            self.full_init()

    @abstractmethod
    def image_pattern(self) -> str:
        """Return the path of an image, below the data folder.

        Returns:
            The path; ``{}`` stands for the sample id.
        """

    @abstractmethod
    def label_table(self) -> dict[str, LabelFile]:
        """Return how labels are stored, by task."""

    @abstractmethod
    def split_file(self, split: str) -> str:
        """Return the path of a split's list of ids, below the data folder."""

    def most_of_one_value(self, task: str) -> float:
        """Return which share of a task's maps may show one value.

        More are a problem for ``verify.py``. One map may well hold one class
        only; most maps may not, except where most images show nothing of the
        kind. How often a task from outside shows nothing is not known.

        Args:
            task: One of the tasks.
        """
        return 0.99 if new_rows([task]) else 0.5

    def load_data_list(self) -> list[dict]:
        """List the samples of the split, after checking that all are there.

        Returns:
            ``sample_id``, ``img_path``, ``label_paths`` of each.
        """
        root = Path(self.data_root)
        samples = self.list_samples()
        present = FolderListing(root)
        for task in self.tasks:
            if self.allow_missing_labels or self.label_files[task].optional:
                paths = [sample['label_paths'][task] for sample in samples]
                check_any_file(present, paths, self.HINT)
        if self.allow_missing_labels:
            for sample in samples:
                sample['label_paths'] = {
                    task: path
                    for task, path in sample['label_paths'].items()
                    if os.path.relpath(path, root) in present
                }
        check_files(present, self._needed(samples), self.HINT)
        return samples

    def list_samples(self) -> list[dict]:
        """List the samples that the split names; some may lack files.

        Returns:
            ``sample_id``, ``img_path``, ``label_paths`` of each.

        Raises:
            DatasetError: If the data folder or the list is missing.
        """
        root = Path(self.data_root)
        check_root(root, self.HINT)
        ids = read_ids(root / self.split_file(self.split), self.HINT)
        present = FolderListing(root)
        return [self._sample(present, sample_id) for sample_id in ids]

    def get_data_info(self, idx: int) -> dict:
        """Return what the pipeline starts from.

        Args:
            idx: Index of the sample.
        """
        info = super().get_data_info(idx)
        info['tasks'] = self.tasks
        info['label_files'] = {t: self.label_files[t] for t in self.tasks}
        info['num_classes'] = self.class_counts()
        return info

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a sample.

        Args:
            idx: Index of the sample.

        Returns:
            What the last transform returns.

        Raises:
            DatasetError: If the image or a label cannot be used.
        """
        info = self.get_data_info(idx)
        path = info['img_path']
        try:
            check_regular(path)
            return self.pipeline(info)
        # mmcv asserts that an image could be decoded.
        except (AssertionError, OSError, cv2.error, MemoryError) as error:
            if 'img' in info:  # it was read; something else went wrong
                raise
            raise unreadable(f'image {path}', error) from error

    @classmethod
    def _load_metainfo(cls, metainfo: Mapping[str, Any] | None = None) -> dict:
        """Take metainfo as mmengine does, and lists of names from files."""
        lists = {
            key: read_lines(value)
            for key, value in (metainfo or {}).items()
            if isinstance(value, str) and Path(value).is_file()
        }
        return super()._load_metainfo({**(metainfo or {}), **lists})

    def __getstate__(self) -> dict[str, Any]:
        """Return what a loader process needs, its tasks among it.

        A spawned process starts with the built-in tasks alone. Naming the
        classes of the kinds imports, and so registers, those too.
        """
        rows = new_rows(self.label_files)
        kinds = [type(get_task(name).kind) for name in rows]
        return {**self.__dict__, '_new_tasks': (rows, kinds)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state over and make its tasks known here."""
        rows, _ = state.pop('_new_tasks')
        register_tasks(rows)
        self.__dict__.update(state)

    def _sample(self, present: FolderListing, sample_id: str) -> dict:
        root = present.root
        return dict(
            sample_id=sample_id,
            img_path=str(root / fill(self.image, sample_id)),
            label_paths={
                task: str(
                    root / self.label_files[task].place(sample_id, present)
                )
                for task in self.tasks
            },
        )

    def _needed(self, samples: Sequence[dict]) -> list[str]:
        """Return all files of the samples, below the data folder."""
        needed = []
        for sample in samples:
            labels = sample['label_paths']
            files = {task: self.label_files[task] for task in labels}
            always = [task for task in files if not files[task].optional]
            paths = [sample['img_path'], *(labels[t] for t in always)]
            needed += [os.path.relpath(p, self.data_root) for p in paths]
            also = {path for file in files.values() for path in file.also}
            needed += [fill(p, sample['sample_id']) for p in sorted(also)]
        return list(dict.fromkeys(needed))

    def _check_tasks(self, tasks: Sequence[str] | None) -> tuple[str, ...]:
        names = check_tasks(self.label_files if tasks is None else tasks)
        absent = [name for name in names if name not in self.label_files]
        if absent:
            raise ValueError(
                f'{type(self).__name__} has no labels for {absent}: choose '
                f'tasks among {list(self.label_files)}'
            )
        return names

    def class_counts(self) -> dict[str, int]:
        """Return the number of classes of each task with maps of classes."""
        names = {
            task: self._metainfo.get(get_task(task).classes_key)
            for task in self.tasks
            if get_task(task).kind.has_classes
        }
        return {task: len(n) for task, n in names.items() if n is not None}

    def _check_metainfo(self) -> None:
        for task in map(get_task, self.label_files):
            names_key, colours_key = task.classes_key, task.palette_key
            names = self._metainfo.get(names_key)
            colours = self._metainfo.get(colours_key)
            if names and colours is not None and len(names) != len(colours):
                raise DatasetError(
                    f'metainfo has {len(names)} {names_key} and '
                    f'{len(colours)} colours in {colours_key}: give one '
                    'colour per class'
                )
