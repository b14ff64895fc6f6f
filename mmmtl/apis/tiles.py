"""Large pictures, tile by tile: one at a time is predicted, and all blend.

Convention:
    A tile is a picture of its own to the model, its pipeline and its
    ``test_cfg``. What is blended are the values that a kind lets be averaged
    (``activate``): probabilities of classes, metres, unit vectors. The kind
    makes the prediction of their mean (``finalize``), as in test-time
    augmentation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from mmmtl.apis.soft_maps import SoftMaps
from mmmtl.errors import UserError
from mmmtl.tasks import get_task

#: Share of a tile that overlaps the next one if nothing is said.
_OVERLAP = 8

Span = tuple[int, int]


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut.

    Attributes:
        size: Height and width of a tile, pixels.
        overlap: By how many rows and columns two neighbours overlap at
            least.
    """

    size: tuple[int, int]
    overlap: tuple[int, int]

    @classmethod
    def of(
        cls, tile: int | Sequence[int], overlap: int | None = None
    ) -> Tiling:
        """Read what a user gives.

        Args:
            tile: Side of a tile, or its height and width.
            overlap: Along both axes; an eighth of a side if None.

        Raises:
            UserError: There are no such tiles.
        """
        sides = (tile,) if isinstance(tile, int) else tuple(tile)
        size = sides * 2 if len(sides) == 1 else sides
        if len(size) != 2 or min(size) < 1:
            raise UserError(
                f'tile={tile}: give the side of a tile in pixels, or its '
                'height and width'
            )
        if overlap is None:
            return cls(size, (size[0] // _OVERLAP, size[1] // _OVERLAP))
        if not 0 <= overlap < min(size):
            raise UserError(
                f'tile_overlap={overlap}: give 0 to {min(size) - 1} pixels, '
                'less than the side of a tile'
            )
        return cls(size, (overlap, overlap))

    def fits(self, image: np.ndarray) -> bool:
        """Tell whether a picture is no larger than a tile."""
        sides = zip(image.shape, self.size, strict=False)
        return all(side <= tile for side, tile in sides)


def predict_tiles(
    predict: Callable[[Sequence[np.ndarray]], Sequence[SoftMaps]],
    image: np.ndarray,
    tiling: Tiling,
    *,
    batch_size: int = 1,
) -> SoftMaps:
    """Predict a picture by its tiles.

    In memory are the predictions, and soft values of one row of tiles.

    Args:
        predict: From tiles ``(h, w, 3)`` of one size to the soft values of
            each, ``{task: (K, h, w)}``.
        image: ``(H, W, 3)``.
        tiling: How it is cut.
        batch_size: Tiles that are predicted together.

    Returns:
        ``{task: (C, H, W)}`` predictions.
    """
    height, width = image.shape[:2]
    rows = spans(height, tiling.size[0], tiling.overlap[0])
    columns = spans(width, tiling.size[1], tiling.overlap[1])
    weights = [span_weights(axis) for axis in (rows, columns)]
    ends = [*(start for start, _ in rows[1:]), height]
    band = _Band(rows[0][1], width)
    predictions: SoftMaps = {}
    for (top, bottom), across, end in zip(rows, weights[0], ends, strict=True):
        for first in range(0, len(columns), batch_size):
            here = columns[first : first + batch_size]
            along = weights[1][first : first + batch_size]
            tiles = [image[top:bottom, left:right] for left, right in here]
            for span, weight, soft in zip(
                here, along, predict(tiles), strict=True
            ):
                band.add(soft, span, across[:, None] * weight)
        for task, values in band.predictions(end - top).items():
            if task not in predictions:
                shape = (len(values), height, width)
                predictions[task] = values.new_empty(shape)
            predictions[task][:, top:end] = values
        band.move(end - top)
    return predictions


def spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Cut an axis into equal tiles at equal distances.

    Args:
        length: Pixels.
        tile: Pixels of a tile; a shorter axis is one tile.
        overlap: Least overlap of two neighbours.

    Returns:
        Start and stop of each.
    """
    tile = min(tile, length)
    steps = -(-(length - tile) // max(tile - overlap, 1))
    starts = [(length - tile) * k // max(steps, 1) for k in range(steps + 1)]
    return [(start, start + tile) for start in starts]


def span_weights(spans: Sequence[Span]) -> list[Tensor]:
    """Return how much each pixel of each tile counts along an axis.

    Convention:
        1 where a tile is alone; in an overlap it falls linearly to the
        border, and the neighbour's rises: they add up to one. (They need
        not where three tiles overlap; what counts is their ratio.)

    Args:
        spans: From :func:`spans`.

    Returns:
        ``(tile,)`` each, above 0.
    """
    shared = [0, *(a[1] - b[0] for a, b in pairwise(spans)), 0]
    weights = []
    for (start, stop), before, after in zip(
        spans, shared, shared[1:], strict=False
    ):
        places = torch.arange(stop - start) + 0.5
        rising = places / before if before else torch.ones(len(places))
        falling = places.flip(0) / after if after else torch.ones(len(places))
        weights.append(torch.minimum(rising, falling).clamp(max=1))
    return weights


class _Band:
    """The weighted mean of tiles, for the rows that a tile reaches."""

    def __init__(self, height: int, width: int) -> None:
        self._total = torch.zeros(height, width)
        self._means: SoftMaps = {}

    def add(self, soft: SoftMaps, span: Span, weight: Tensor) -> None:
        """Let the means of some columns follow a tile.

        A mean that moves by a share of the difference stays exactly where it
        is if there is none; a sum divided in the end would not.
        """
        columns = slice(*span)
        self._total[:, columns] += weight
        share = weight / self._total[:, columns]
        for task, values in soft.items():
            if task not in self._means:
                shape = (len(values), *self._total.shape)
                self._means[task] = torch.zeros(shape)
            mean = self._means[task][..., columns]
            mean += (values.float().cpu() - mean) * share

    def predictions(self, rows: int) -> SoftMaps:
        """Return the predictions of the first rows."""
        return {
            task: get_task(task).kind.finalize(mean[:, :rows])
            for task, mean in self._means.items()
        }

    def move(self, rows: int) -> None:
        """Move down; what is left above is lost."""
        kept = len(self._total) - rows
        for values in (self._total, *self._means.values()):
            values[..., :kept, :] = values[..., rows:, :].clone()
            values[..., kept:, :] = 0
