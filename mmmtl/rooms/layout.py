"""What a folder layout has to say about itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmmtl.rooms.render import RoomSample


@dataclass(frozen=True)
class Layout:
    """How rooms become the files of a data set.

    Args:
        name: Its name.
        tasks: Tasks whose labels the layout holds.
        max_rooms: Largest number of rooms it can name.
        sample_id: From a number (train rooms first, from 1) to the id.
        paths: From an id to all its files, relative to the data folder.
        split_paths: The files that list the ids.
        write_sample: Writes these files; their folders exist.
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
