"""The downloads from which PASCAL-Context's five-task layout is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmmtl.datasets.errors import DatasetError
from mmmtl.datasets.pascal_context import PascalContextMTDataset

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
            for task in PascalContextMTDataset.LABEL_FILES
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
