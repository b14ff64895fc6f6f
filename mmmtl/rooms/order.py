"""What a data set of rooms is made of: the arguments that decide its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mmmtl.rooms.classes import (
    CLASSES,
    HUMAN_PARTS,
    PALETTE,
    RENDERER_VERSION,
)
from mmmtl.rooms.layout import Layout

META_FILE = 'meta.json'
_MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Order:
    """A data set to render.

    Args:
        layout: Folder layout to write.
        num_train: Number of training rooms.
        num_val: Number of validation rooms.
        height: Rows of the pictures.
        width: Columns of the pictures.
        seed: Different seeds have no room in common.
    """

    layout: Layout
    num_train: int
    num_val: int
    height: int
    width: int
    seed: int

    def __post_init__(self) -> None:
        if min(self.num_train, self.num_val) < 0 or self.total == 0:
            raise ValueError(
                f'{self.num_train} training and {self.num_val} validation '
                'rooms: give numbers from 0, not both 0'
            )
        limit = self.layout.max_rooms
        if self.total > limit:
            raise ValueError(
                f'{self.total} rooms are too many: layout {self.layout.name} '
                f'names at most {limit}'
            )
        if min(self.height, self.width) < 16:
            raise ValueError(
                f'picture size {self.height}x{self.width} is too small: '
                'give at least 16x16'
            )
        if not 0 <= self.seed <= _MAX_SEED:
            raise ValueError(
                f'seed {self.seed} is out of range: give 0 to {_MAX_SEED}'
            )

    @property
    def total(self) -> int:
        """Number of rooms of both splits."""
        return self.num_train + self.num_val

    def ids(self) -> tuple[list[str], list[str]]:
        """Ids of the training and of the validation rooms."""
        ids = [self.layout.sample_id(n + 1) for n in range(self.total)]
        return ids[: self.num_train], ids[self.num_train :]

    def room_seed(self, number: int) -> int:
        """Seed of the room with a number from 0, training rooms first.

        Bits 32 and up hold the order's seed, bit 31 the split, the rest the
        place in the split: rooms of the two splits, and of orders with
        different seeds, never share a seed.
        """
        val = number >= self.num_train
        place = number - self.num_train if val else number
        return (self.seed << 32) | (int(val) << 31) | place

    def meta(self) -> dict:
        """Content of the file that goes with the data."""
        return {
            'content': 'rendered rooms: synthetic pictures, not the real '
            'data set whose folder layout they use',
            'renderer_version': RENDERER_VERSION,
            'layout': self.layout.name,
            'tasks': list(self.layout.tasks),
            'seed': self.seed,
            'size': [self.height, self.width],
            'num_train': self.num_train,
            'num_val': self.num_val,
            'classes': list(CLASSES),
            'palette': [list(colour) for colour in PALETTE],
            'human_parts': list(HUMAN_PARTS),
        }

    def is_complete_at(self, folder: Path) -> bool:
        """Whether a folder is the finished result of this very order."""
        try:
            found = json.loads((folder / META_FILE).read_text('utf-8'))
        except (OSError, ValueError):
            return False
        paths = list(self.layout.split_paths)
        for split in self.ids():
            for sample_id in split:
                paths += self.layout.paths(sample_id)
        return found == self.meta() and all(
            (folder / path).is_file() for path in paths
        )
