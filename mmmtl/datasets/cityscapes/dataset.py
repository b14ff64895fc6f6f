"""Cityscapes with semantic segmentation and depth from stereo.

Layout (the downloads leftImg8bit, gtFine, disparity and camera, unpacked into
one folder)::

    leftImg8bit/<split>/<city>/<name>_leftImg8bit.png     RGB, 2048x1024
    gtFine/<split>/<city>/<name>_gtFine_labelIds.png      0..33
    disparity/<split>/<city>/<name>_disparity.png         16 bits
    camera/<split>/<city>/<name>_camera.json              baseline, focal

The splits are the folders; a list per split replaces them where one is given.

The task is *depth*, in metres: disparity is what the files hold, but it grows
with the image where depth shrinks, belongs to one camera and one image width,
and has 0 for infinity. Each image's own camera file converts it. Figures that
were published on disparity, or on its inverse, are not comparable with those
on depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.cityscapes import classes, encodings
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.sample_files import FolderListing, check_root
from mmmtl.errors import DatasetError
from mmmtl.registry import DATASETS

LabelKind = Literal['labelIds', 'labelTrainIds']
_IMAGE_ENDING = '_leftImg8bit.png'
_META = {
    19: dict(classes=classes.CLASSES, palette=classes.PALETTE),
    7: dict(classes=classes.GROUPS, palette=classes.GROUP_PALETTE),
}


@DATASETS.register_module()
class CityscapesMTDataset(BaseMultiTaskDataset):
    """Cityscapes, segmentation and depth (see the module).

    Sample ids are paths without ending, ``val/ulm/ulm_000000_000019``.
    """

    METAINFO = dict(dataset_name='cityscapes', **_META[19])
    HINT = (
        'the layout is leftImg8bit/, gtFine/, disparity/ and '
        'camera/<split>/<city>/, as the four downloads unpack; '
        '`python tools/dataset_converters/cityscapes.py DATA_ROOT OUT` says '
        'what is missing'
    )

    def __init__(
        self,
        data_root: str | Path,
        *,
        split: str,
        tasks: Sequence[str] | None,
        pipeline: Sequence[dict | Callable],
        num_classes: Literal[19, 7] = 19,
        label_kind: LabelKind = 'labelIds',
        max_depth: float | None = None,
        split_root: str | Path | None = None,
        metainfo: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
        allow_missing_labels: bool = False,
    ) -> None:
        """Store the options and, unless lazy, look for every file.

        Args:
            data_root: The data folder.
            split: ``'train'``, ``'val'``; the name of a folder, or of a list.
            tasks: See the base class.
            pipeline: See the base class.
            num_classes: The 19 classes, or the 7 groups of them.
            label_kind: Which files hold the classes: those of the download,
                or those that Cityscapes' own script makes of them (19 only).
            max_depth: Metres beyond which there is no depth label; 80 is
                usual. None keeps all.
            split_root: Folder of lists ``<split>.txt``, one id per line; None
                takes all images of the split's folder.
            metainfo: See the base class.
            indices: See the base class.
            serialize_data: See the base class.
            lazy_init: See the base class.
            allow_missing_labels: See the base class.

        Raises:
            DatasetError: If a folder or file is missing.
            ValueError: If there is no such set of classes in these files.
        """
        if num_classes not in _META or (num_classes, label_kind) == (
            7,
            'labelTrainIds',
        ):
            raise ValueError(
                f'num_classes={num_classes!r}, label_kind={label_kind!r}: '
                "give 19, or 7 with 'labelIds'"
            )
        self.num_classes = num_classes
        self.label_kind = label_kind
        self.max_depth = max_depth
        self.split_root = split_root
        super().__init__(
            data_root,
            split=split,
            tasks=tasks,
            pipeline=pipeline,
            metainfo={**_META[num_classes], **(metainfo or {})},
            indices=indices,
            serialize_data=serialize_data,
            lazy_init=lazy_init,
            allow_missing_labels=allow_missing_labels,
        )

    def image_pattern(self) -> str:
        """See the base class."""
        return 'leftImg8bit/{}' + _IMAGE_ENDING

    def label_table(self) -> dict[str, LabelFile]:
        """See the base class."""
        if self.label_kind == 'labelTrainIds':
            decode = encodings.decode_train_ids
        else:
            table = (
                classes.class_of_id()
                if self.num_classes == 19
                else classes.group_of_id()
            )
            decode = partial(encodings.decode_ids, table=table)
        return {
            'semseg': LabelFile(
                f'gtFine/{{}}_gtFine_{self.label_kind}.png', decode
            ),
            'depth': LabelFile(
                'disparity/{}_disparity.png',
                partial(encodings.decode_depth, max_depth=self.max_depth),
                read=encodings.read_disparity,
                also=('camera/{}_camera.json',),
            ),
        }

    def split_file(self, split: str) -> str:
        """See the base class; the folder of the images without lists."""
        if self.split_root is None:
            return f'leftImg8bit/{split}'
        # Joined to the data folder, an absolute path stays what it is.
        return str(Path(self.split_root).absolute() / f'{split}.txt')

    def list_samples(self) -> list[dict]:
        """See the base class."""
        if self.split_root is not None:
            return super().list_samples()
        root = Path(self.data_root)
        check_root(root, self.HINT)
        ids = image_ids(root, self.split)
        if not ids:
            raise DatasetError(
                f'{root / self.split_file(self.split)} holds no '
                f'<city>/*{_IMAGE_ENDING}; {self.HINT}'
            )
        present = FolderListing(root)
        return [self._sample(present, sample_id) for sample_id in ids]


def image_ids(root: Path, split: str) -> list[str]:
    """List the images of a split's folder, sorted, as sample ids.

    Args:
        root: The data folder.
        split: Name of the folder.
    """
    images = root / 'leftImg8bit'
    return sorted(
        path.relative_to(images).as_posix().removesuffix(_IMAGE_ENDING)
        for path in (images / split).glob(f'*/*{_IMAGE_ENDING}')
    )
