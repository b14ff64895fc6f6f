"""Folder layouts of real data sets that rooms can be written in."""

from __future__ import annotations

from mmmtl.datasets.folder.room_layout import ALL_TASKS
from mmmtl.datasets.nyud.room_layout import NYUD
from mmmtl.datasets.pascal.room_layout import PASCAL_CONTEXT
from mmmtl.datasets.taskonomy.room_layout import TASKONOMY
from mmmtl.errors import did_you_mean
from mmmtl.rooms.produce import Clip, Order, RoomLayout

LAYOUTS: dict[str, RoomLayout] = {
    layout.name: layout
    for layout in (NYUD, PASCAL_CONTEXT, TASKONOMY, ALL_TASKS)
}


def order_rooms(
    layout: str,
    num_train: int,
    num_val: int,
    height: int,
    width: int,
    seed: int,
    varied: bool = False,
    clip: Clip | None = None,
) -> Order:
    """Describe a data set of rooms by the name of its layout.

    Args:
        layout: Key of :data:`LAYOUTS`.
        num_train: Number of training rooms.
        num_val: Number of validation rooms.
        height: Rows of the pictures.
        width: Columns of the pictures.
        seed: Different seeds have no room in common.
        varied: See :func:`mmmtl.rooms.render.render_room`.
        clip: The pictures are the frames of this clip.

    Raises:
        ValueError: If there is no such layout, or a number is out of its
            range.
    """
    if layout not in LAYOUTS:
        raise ValueError(
            f'unknown layout {layout!r}: {did_you_mean(layout, LAYOUTS)}'
        )
    return Order(
        LAYOUTS[layout],
        num_train,
        num_val,
        height,
        width,
        seed,
        varied,
        clip,
    )
