"""Thinning to lines of one pixel, 64 binary maps at a time.

Method: Z. Guo and R. W. Hall, "Parallel thinning with two-subiteration
algorithms", Communications of the ACM 32 (1989), in the form of L. Lam,
S.-W. Lee and C. Y. Suen, "Thinning methodologies - a comprehensive survey",
IEEE TPAMI 14 (1992), which image toolboxes call "thin".
"""

from __future__ import annotations

import numpy as np

from mmmtl.geometry.level_stack import (
    LevelStack,
    cut_levels,
)

# East, then counterclockwise, as (row, column) steps.
_STEPS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


# Pixels at a time, so that intermediate results stay in the cache.
_CHUNK = 4096


def thin(binary: np.ndarray) -> np.ndarray:
    """Thin one map until nothing changes; outside counts as 0.

    Args:
        binary: ``(H, W)`` bool.

    Returns:
        ``(H, W)`` bool.
    """
    return thin_stack(cut_levels(binary.astype(np.uint8), 1)).to_maps()[0]


def thin_stack(stack: LevelStack) -> LevelStack:
    """Thin every map of a stack until nothing changes; outside counts as 0.

    Args:
        stack: Binary maps.

    Returns:
        The thinned maps.
    """
    height, width = stack.size
    padded_width = width + 2
    start = (stack.pixels // width + 1) * padded_width
    start += stack.pixels % width + 1
    words = np.zeros(
        ((height + 2) * padded_width, stack.words.shape[1]), np.uint64
    )
    words[start] = stack.words
    is_start = np.zeros(len(words), dtype=bool)
    is_start[start] = True
    steps = np.array([dy * padded_width + dx for dy, dx in _STEPS])
    # A pixel is worth looking at again in a sub-iteration only if a neighbour
    # changed since it was looked at there, two sub-iterations ago.
    before, now = start, start
    active = start
    for turn in range(2 * len(words)):  # ends long before, by `break`
        changed = _sub_iteration(words, active, steps, second=turn % 2 == 1)
        before, now = now, changed
        if turn and not (len(before) or len(now)):
            break
        if turn:
            active = _around(np.concatenate([before, now]), steps, is_start)
    left = words[start]
    alive = left.any(axis=1)
    return LevelStack(
        stack.size, stack.count, stack.pixels[alive], left[alive]
    )


def _around(
    pixels: np.ndarray, steps: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    marked = np.zeros(len(allowed), dtype=bool)
    for step in steps:
        marked[pixels + step] = True
    return np.flatnonzero(marked & allowed)


def _sub_iteration(
    words: np.ndarray, active: np.ndarray, steps: np.ndarray, *, second: bool
) -> np.ndarray:
    """Delete what one sub-iteration deletes; return the pixels changed."""
    # All decisions are taken before the first pixel is deleted.
    found = [
        _choose(words, active[start : start + _CHUNK], steps, second=second)
        for start in range(0, len(active), _CHUNK)
    ]
    for pixels, delete in found:
        words[pixels] &= ~delete
    return np.concatenate([active[:0], *(pixels for pixels, _ in found)])


def _choose(
    words: np.ndarray, pixels: np.ndarray, steps: np.ndarray, *, second: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels to delete in some maps, and the bits of those."""
    centre = words[pixels]
    # Most pixels are done early.
    alive = centre.any(axis=1)
    pixels, centre = pixels[alive], centre[alive]
    neighbours = [words[pixels + step] for step in steps]
    delete = centre & _deletable(neighbours, second=second)
    changed = delete.any(axis=1)
    return pixels[changed], delete[changed]


def _deletable(x: list[np.ndarray], *, second: bool) -> np.ndarray:
    """Evaluate the three conditions, for all maps of a word at once.

    Args:
        x: The eight neighbours, east first, counterclockwise; the papers'
            ``x_1 ... x_8`` are ``x[0] ... x[7]``.
        second: Take the third condition of the second sub-iteration.
    """
    e, ne, n, nw, w, sw, s, se = x
    # Condition 1: the neighbours form exactly one group around the pixel.
    a, b = ~e & (ne | n), ~n & (nw | w)
    c, d = ~w & (sw | s), ~s & (se | e)
    one_group = ((a | b) ^ (c | d)) & ~(a & b) & ~(c & d)
    # Condition 2: 2 <= min(n1, n2) <= 3, n1 and n2 counting pairs of
    # neighbours with at least one set.
    first = (e | ne, n | nw, w | sw, s | se)
    other = (ne | n, nw | w, sw | s, se | e)
    enough = _at_least_two(first) & _at_least_two(other)
    full = first[0] & first[1] & first[2] & first[3]
    full &= other[0] & other[1] & other[2] & other[3]
    # Condition 3: on the side whose turn it is.
    blocked = (sw | s | ~nw) & w if second else (ne | n | ~se) & e
    return one_group & enough & ~full & ~blocked


def _at_least_two(p: tuple[np.ndarray, ...]) -> np.ndarray:
    return (p[0] & p[1]) | (p[2] & p[3]) | ((p[0] | p[1]) & (p[2] | p[3]))
