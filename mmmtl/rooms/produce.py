"""Renders a whole data set of rooms: what is ordered, and how it is written.

A data set appears when it is complete, and its bytes depend on the order
alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmmtl.io.folders import META_FILE, new_folder
from mmmtl.io.workers import run_parallel
from mmmtl.rooms.classes import (
    CLASSES,
    HUMAN_PARTS,
    PALETTE,
    RENDERER_VERSION,
)
from mmmtl.rooms.path import camera_path, clip_seed, render_clip
from mmmtl.rooms.render import RoomSample, render_room, room_of

#: Where the poses of a clip are written.
POSES_FILE = 'poses.json'
_MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class RoomLayout:
    """How rooms become the files of a data set.

    Attributes:
        name: Its name.
        tasks: Tasks whose labels the layout holds.
        max_rooms: Largest number of rooms it can name.
        sample_id: From a number (train rooms first, from 1) to the id.
        paths: From an id to all its files, relative to the data folder.
        split_paths: The files that list the ids.
        write_sample: Writes the files of a room.
        write_splits: Writes the lists of training and validation ids.
    """

    name: str
    tasks: tuple[str, ...]
    max_rooms: int
    sample_id: Callable[[int], str]
    paths: Callable[[str], tuple[str, ...]]
    split_paths: tuple[str, ...]
    write_sample: Callable[[Path, str, RoomSample], None]
    write_splits: Callable[[Path, Sequence[str], Sequence[str]], None]


@dataclass(frozen=True)
class Clip:
    """One room seen by a moving camera, in place of many rooms.

    Attributes:
        motion: See :func:`mmmtl.rooms.path.render_clip`.
        grain: The same.
    """

    motion: float = 1.0
    grain: bool = False

    def __post_init__(self) -> None:
        """Check the motion, which comes from the command line."""
        if not 0 <= self.motion < math.inf:
            raise ValueError(
                f'motion {self.motion}: give 0, which stands still, or more'
            )


@dataclass(frozen=True)
class Order:
    """A data set to render: the arguments that decide its bytes.

    Attributes:
        layout: Folder layout to write.
        num_train: Number of training rooms.
        num_val: Number of validation rooms.
        height: Rows of the pictures.
        width: Columns of the pictures.
        seed: Different seeds have no room in common.
        varied: See :func:`mmmtl.rooms.render.render_room`.
        clip: The pictures are the frames of this clip.
    """

    layout: RoomLayout
    num_train: int
    num_val: int
    height: int
    width: int
    seed: int
    varied: bool = False
    clip: Clip | None = None

    def __post_init__(self) -> None:
        """Check the numbers, which come from the command line."""
        limit = self.layout.max_rooms
        wrong = None
        if min(self.num_train, self.num_val) < 0 or self.total == 0:
            wrong = (
                f'{self.num_train} training and {self.num_val} validation '
                'rooms: give numbers from 0, not both 0'
            )
        elif self.total > limit:
            wrong = (
                f'{self.total} rooms are too many: layout {self.layout.name} '
                f'names at most {limit}'
            )
        elif min(self.height, self.width) < 16:
            wrong = (
                f'picture size {self.height}x{self.width} is too small: '
                'give at least 16x16'
            )
        elif not 0 <= self.seed <= _MAX_SEED:
            wrong = f'seed {self.seed} is out of range: give 0 to {_MAX_SEED}'
        if wrong is not None:
            raise ValueError(wrong)

    @property
    def total(self) -> int:
        """Number of rooms of both splits."""
        return self.num_train + self.num_val

    def ids(self) -> tuple[list[str], list[str]]:
        """Return the ids of the training and of the validation rooms."""
        ids = [self.layout.sample_id(n + 1) for n in range(self.total)]
        return ids[: self.num_train], ids[self.num_train :]

    def room_seed(self, number: int) -> int:
        """Return the seed of a room; training rooms come first, from 0.

        Bits 32 and up hold the order's seed, bit 31 the split, the rest the
        place in the split: rooms of the two splits, and of orders with
        different seeds, never share a seed.
        """
        val = number >= self.num_train
        place = number - self.num_train if val else number
        return (self.seed << 32) | (int(val) << 31) | place

    def render(self, number: int) -> RoomSample:
        """Return a picture with its labels; training rooms come first."""
        size = (self.height, self.width)
        if self.clip is None:
            seed = self.room_seed(number)
            return render_room(seed, *size, varied=self.varied)
        frames = render_clip(
            clip_seed(self.seed),
            1,
            *size,
            varied=self.varied,
            **vars(self.clip),
            first=number,
        )
        return next(frames).sample

    def poses(self, clip: Clip) -> dict:
        """Return the content of a clip's file of poses."""
        seed = clip_seed(self.seed)
        scene = room_of(seed, varied=self.varied)
        path = camera_path(scene, seed, self.total, motion=clip.motion)
        ids = [self.layout.sample_id(n + 1) for n in range(self.total)]
        return {
            'convention': 'x right, y down, z forward; metres; pixel centres '
            'at whole numbers',
            'intrinsics': scene.camera.intrinsics(
                self.height, self.width
            ).tolist(),
            'camera_to_world': {
                name: camera.pose().tolist()
                for name, camera in zip(ids, path, strict=True)
            },
        }

    def meta(self) -> dict:
        """Return the content of the file that goes with the data."""
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
            **({'varied': True} if self.varied else {}),
            **({} if self.clip is None else {'clip': vars(self.clip)}),
        }

    def is_complete_at(self, folder: Path) -> bool:
        """Return whether a folder is the finished result of this order."""
        try:
            found = json.loads((folder / META_FILE).read_text('utf-8'))
        except (OSError, ValueError):
            return False
        paths = list(self.layout.split_paths)
        paths += [] if self.clip is None else [POSES_FILE]
        for split in self.ids():
            for sample_id in split:
                paths += self.layout.paths(sample_id)
        return found == self.meta() and all(
            (folder / path).is_file() for path in paths
        )


def produce(
    order: Order,
    out: Path,
    *,
    workers: int = 1,
    bar: bool = False,
    on_room: Callable[[], None] | None = None,
) -> bool:
    """Render a data set into a folder, unless it is there already.

    Args:
        order: What to render.
        out: Folder to create. It may exist if it is empty.
        workers: Number of processes; 1 renders in this one.
        bar: Show a progress bar.
        on_room: Called after every finished room.

    Returns:
        Whether anything was rendered: False where ``out`` is the finished
        result of this order.

    Raises:
        FileExistsError: ``out`` holds something else.
    """
    if order.is_complete_at(out):
        return False
    what = (
        'is not the finished result of this call with this version of the '
        'renderer'
    )
    with new_folder(out, what) as folder:
        for path in order.layout.paths(order.layout.sample_id(1)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        run_parallel(
            _render_one,
            [(order, folder, number) for number in range(order.total)],
            workers=workers,
            bar='rooms' if bar else None,
            on_done=on_room,
        )
        order.layout.write_splits(folder, *order.ids())
        if order.clip is not None:
            _write_json(folder / POSES_FILE, order.poses(order.clip))
        _write_json(folder / META_FILE, order.meta())
    return True


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + '\n', 'utf-8')


def _render_one(job: tuple[Order, Path, int]) -> None:
    order, folder, number = job
    sample_id = order.layout.sample_id(number + 1)
    order.layout.write_sample(folder, sample_id, order.render(number))
