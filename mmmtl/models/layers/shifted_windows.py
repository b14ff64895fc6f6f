"""Cutting a map into (shifted) windows of tokens, and putting it together."""

from __future__ import annotations

import torch
from torch import Tensor

# Added to the score of two tokens that a cyclic shift brought together; as in
# Swin, large enough to make their weight vanish, and not infinite.
_FAR_APART = -100.0


class WindowGrid:
    """The windows of all maps of one size.

    Convention:
        Maps are ``(B, H, W, C)``, channels last. They are padded at the right
        and at the bottom to whole windows, then moved up and left by
        ``shift`` pixels, around the border. Windows are numbered row by row,
        and so are the ``N = window ** 2`` tokens in them; there are ``G``
        windows.
    """

    def __init__(
        self, size: tuple[int, int], *, window: int, shift: int
    ) -> None:
        """Lay the windows out.

        Args:
            size: ``(H, W)`` of the maps.
            window: Side of a window in pixels.
            shift: Pixels in 0..window - 1.
        """
        self.size = size
        self.window = window
        self.shift = shift
        self.rows, self.columns = (-(-side // window) for side in size)

    def split(
        self, maps: Tensor, *, fill: Tensor, parts: int, num_heads: int
    ) -> Tensor:
        """Cut projected maps into windows, parts and heads.

        Maps are projected before they are padded: at a coarse level most of
        the padded tokens would be projected for nothing. A padded token, a
        zero before the projection, is the projection's bias after it.

        Args:
            maps: ``(B, H, W, parts * heads * d)``.
            fill: ``(parts * heads * d,)``, value of a padded token.
            parts: Maps that were projected as one.
            num_heads: Heads.

        Returns:
            ``(parts, B, G, heads, N, d)``.
        """
        maps = self._pad(maps, fill)
        if self.shift:
            maps = maps.roll((-self.shift, -self.shift), (1, 2))
        tiles = maps.unflatten(3, (parts, num_heads, -1))
        tiles = tiles.unflatten(2, (self.columns, self.window))
        tiles = tiles.unflatten(1, (self.rows, self.window))
        # (B, rows, y, columns, x, parts, heads, d)
        tiles = tiles.permute(5, 0, 1, 3, 6, 2, 4, 7)
        return tiles.flatten(5, 6).flatten(2, 3)

    def merge(self, windows: Tensor) -> Tensor:
        """Put the windows together, undo the shift and cut the padding off.

        Args:
            windows: ``(B, G, heads, N, d)``.

        Returns:
            ``(B, H, W, heads * d)``.
        """
        tiles = windows.unflatten(3, (self.window, self.window))
        tiles = tiles.unflatten(1, (self.rows, self.columns))
        # (B, rows, columns, heads, y, x, d)
        tiles = tiles.permute(0, 1, 4, 2, 5, 3, 6)
        maps = tiles.flatten(5, 6).flatten(3, 4).flatten(1, 2)
        if self.shift:
            maps = maps.roll((self.shift, self.shift), (1, 2))
        return maps[:, : self.size[0], : self.size[1]]

    def mask(self, like: Tensor) -> Tensor | None:
        """Return what is added to the scores of tokens that are no neighbours.

        Args:
            like: Tensor whose type and device the mask gets.

        Returns:
            ``(G, N, N)``, or None without a shift. Padded tokens are not
            masked, as in Swin.
        """
        if not self.shift:
            return None
        rows = self._regions(self.rows, like.device)
        columns = self._regions(self.columns, like.device)
        # A token's region: two tokens meet only within one.
        regions = 3 * rows[:, None, :, None] + columns[None, :, None, :]
        regions = regions.flatten(2, 3).flatten(0, 1)  # (G, N)
        apart = regions[:, :, None] != regions[:, None, :]
        return like.new_zeros(()).masked_fill(apart, _FAR_APART)

    def _regions(self, windows: int, device: torch.device) -> Tensor:
        """Number the pieces a shifted axis consists of, by window."""
        last = torch.zeros(windows, self.window, device=device)
        last[-1] = 1
        last[-1, self.window - self.shift :] = 2
        return last

    def _pad(self, maps: Tensor, fill: Tensor) -> Tensor:
        # Appended, not written into a larger map: the backward pass then
        # sums the fill's gradient over the strips alone.
        whole = self.rows * self.window, self.columns * self.window
        for axis, side in ((1, whole[0]), (2, whole[1])):
            missing = side - maps.shape[axis]
            if missing:
                shape = list(maps.shape)
                shape[axis] = missing
                strip = fill.to(maps.dtype).expand(shape)
                maps = torch.cat([maps, strip], dim=axis)
        return maps
