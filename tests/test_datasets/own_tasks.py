"""A data set and a kind from outside, for the tests of tasks of one's own.

Importing this module registers the kind and no task: a loader process that
was spawned must learn the tasks from the data set alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmmtl.datasets import BaseMultiTaskDataset, LabelFile
from mmmtl.tasks import get_task, register_kind
from mmmtl.tasks.kinds import Scalar


@register_kind('tilted')
@dataclass(frozen=True)
class Tilted(Scalar):
    """A scalar that changes its sign in a mirror."""

    def flip(self, values, direction, *, axis):
        """See the base class."""
        return -values


class OwnDataset(BaseMultiTaskDataset):
    """``rgb/<id>.png`` with a mask and a tilt."""

    METAINFO = dict(dataset_name='own')
    HINT = 'write it'

    def image_pattern(self) -> str:
        """See the base class."""
        return 'rgb/{}.png'

    def label_table(self) -> dict[str, LabelFile]:
        """See the base class."""
        return {
            'cracks': LabelFile('cracks/{}.png', get_task('cracks').kind.read),
            'tilt': LabelFile('tilt/{}.npy', get_task('tilt').kind.read),
        }

    def split_file(self, split: str) -> str:
        """See the base class."""
        return f'{split}.txt'
