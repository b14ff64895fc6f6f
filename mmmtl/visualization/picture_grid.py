"""Lays pictures of one image out on a page: titled cells in rows.

Every cell holds a picture of the same size. A picture is drawn pixel for
pixel unless it is too large to look at, or so small that its title would not
fit; then all of them are scaled alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

GAP = 6  # pixels of paper around every cell
TITLE = 18  # height of a title in pixels
_PAPER = 255
#: Colour of text.
INK = (32, 32, 32)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.38


@dataclass(frozen=True)
class Cell:
    """One picture with its title.

    Attributes:
        title: One short line in ASCII, which is what the font has.
        picture: ``(H, W, 3)`` uint8 RGB.
        smooth: The picture may be averaged when it is scaled down; a map of
            classes may not.
    """

    title: str
    picture: np.ndarray
    smooth: bool = False


@dataclass(frozen=True)
class GridLayout:
    """Where the cells of a page are.

    Attributes:
        cell: ``(height, width)`` of a drawn picture in pixels.
    """

    cell: tuple[int, int]

    def page(self, rows: int, columns: int) -> tuple[int, int]:
        """Return ``(height, width)`` of a page of so many cells."""
        top, left = self.corner(rows, columns)
        return top - TITLE, left

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return ``(y, x)`` of the upper left pixel of a picture."""
        height, width = self.cell
        y = GAP + TITLE + row * (height + TITLE + GAP)
        return y, GAP + column * (width + GAP)


def fit_cell(
    size: tuple[int, int], *, min_width: int, max_side: int
) -> tuple[int, int]:
    """Return the size at which pictures are drawn.

    Args:
        size: ``(H, W)`` of the pictures.
        min_width: A narrower picture is enlarged by a whole number, so that
            its pixels stay squares.
        max_side: A picture with a longer side is scaled down to it.

    Returns:
        ``(height, width)``, at least one pixel each.
    """
    height, width = size
    if max(size) > max_side:
        factor = max_side / max(size)
        return max(round(height * factor), 1), max(round(width * factor), 1)
    # A tall and narrow picture keeps within the page instead.
    times = min(-(-min_width // width), max_side // max(size))
    return height * times, width * times


def draw_grid(
    rows: Sequence[Sequence[Cell | None]],
    *,
    min_width: int = 128,
    max_side: int = 640,
) -> np.ndarray:
    """Draw cells on a white page.

    Args:
        rows: The cells row by row; None leaves a place empty.
        min_width: See :func:`fit_cell`.
        max_side: See :func:`fit_cell`.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        ValueError: If there is no cell, or pictures differ in size.
    """
    layout = layout_of(rows, min_width=min_width, max_side=max_side)
    columns = max(len(row) for row in rows)
    shape = (*layout.page(len(rows), columns), 3)
    page = np.full(shape, _PAPER, np.uint8)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            if cell is not None:
                _draw_cell(page, cell, layout.corner(y, x), layout.cell)
    return page


def layout_of(
    rows: Sequence[Sequence[Cell | None]], *, min_width: int, max_side: int
) -> GridLayout:
    """Return where :func:`draw_grid` puts these cells."""
    cells = [cell for row in rows for cell in row if cell is not None]
    sizes = {cell.title: cell.picture.shape[:2] for cell in cells}
    if len(set(sizes.values())) != 1:
        raise ValueError(
            'the pictures of a page must have one size (height, width), '
            f'found {sizes}'
        )
    size = cells[0].picture.shape[:2]
    return GridLayout(fit_cell(size, min_width=min_width, max_side=max_side))


def _draw_cell(
    page: np.ndarray,
    cell: Cell,
    corner: tuple[int, int],
    size: tuple[int, int],
) -> None:
    (y, x), (height, width) = corner, size
    picture = scaled(cell, size)
    page[y : y + height, x : x + width] = picture
    # Drawn on a strip of its own, so that a long title cannot run into the
    # neighbour.
    strip = np.full((TITLE, width, 3), _PAPER, np.uint8)
    cv2.putText(
        strip,
        cell.title,
        (0, TITLE - 6),
        _FONT,
        _FONT_SCALE,
        INK,
        1,
        cv2.LINE_AA,
    )
    page[y - TITLE : y, x : x + width] = strip


def scaled(cell: Cell, size: tuple[int, int]) -> np.ndarray:
    """Return the picture of a cell at another ``(height, width)``."""
    height, width = size
    if cell.picture.shape[:2] == size:
        return cell.picture
    smaller = height < cell.picture.shape[0]
    method = cv2.INTER_AREA if smaller and cell.smooth else cv2.INTER_NEAREST
    return cv2.resize(cell.picture, (width, height), interpolation=method)
