"""Cutting a map into (shifted) windows of tokens, and putting it together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
        self, size: tuple[int, ...], *, window: int, shift: int
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


class RelativePositionBias(nn.Module):
    """One number per head and per displacement within a window."""

    def __init__(self, window: int, *, num_heads: int) -> None:
        """Create the table, at N(0, 0.02) cut at two units as in Swin.

        Args:
            window: Side of a window.
            num_heads: Heads.
        """
        super().__init__()
        self.table = nn.Parameter(
            torch.empty((2 * window - 1) ** 2, num_heads)
        )
        nn.init.trunc_normal_(self.table, std=0.02)
        # Follows from the window's side, so checkpoints do not hold it.
        self.register_buffer(
            'index', relative_position_index(window), persistent=False
        )

    def forward(self) -> Tensor:
        """Return ``(heads, N, N)``, queries by keys."""
        return self.table[self.index].permute(2, 0, 1)


def relative_position_index(window: int) -> Tensor:
    """Return ``(N, N)`` rows of the table, for every query and key.

    Convention:
        As in Swin: displacement of the query from the key, downwards first.
    """
    place = torch.arange(window * window)
    row, column = place // window, place % window
    down = row[:, None] - row + window - 1
    right = column[:, None] - column + window - 1
    return down * (2 * window - 1) + right


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    bias: Tensor,
    mask: Tensor | None,
) -> Tensor:
    """Attend within windows: one softmax, however wide the values are.

    The values of several tasks stand side by side on the last axis, so their
    common map is computed once and kept once for the backward pass.

    A fused kernel need not store the map, so it is taken where there may be
    one: on a GPU, and on a CPU without gradients. For the gradient of the
    bias PyTorch has none on a CPU, and its way around is no faster than the
    products written out: median processor time of one thread, two blocks of
    18 channels and 6 heads at 120x160, with gradients 240 against 195 ms; six
    tasks side by side, 300 ms both. Without gradients the kernel takes 72
    and the products 104 ms. Not measured on a GPU. One call per task would
    take four times as long as one for six.

    Args:
        query: ``(B, G, heads, N, d)``.
        key: As the query.
        value: ``(B, G, heads, N, e)``.
        bias: ``(heads, N, N)``.
        mask: ``(G, N, N)``, or None.

    Returns:
        ``(B, G, heads, N, e)``.
    """
    added = bias if mask is None else bias + mask[:, None]
    if torch.is_grad_enabled() and query.device.type == 'cpu':
        scores = query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)
        # In place: at fine levels the map is the largest tensor of the model.
        return F.softmax(scores.add_(added), dim=-1) @ value
    groups, heads = query.shape[1:3]
    # Windows and heads go on one axis, over which bias and mask are spelled
    # out; over the batch they are broadcast and not copied.
    added = added.expand(groups, heads, *bias.shape[1:])
    mixed = F.scaled_dot_product_attention(
        query.flatten(1, 2),
        key.flatten(1, 2),
        value.flatten(1, 2),
        attn_mask=added.flatten(0, 1)[None],
    )
    return mixed.unflatten(1, (groups, heads))
