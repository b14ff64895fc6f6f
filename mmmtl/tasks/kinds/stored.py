"""What the files of a task hold, as kinds need it to say what it means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np

#: Stored values that mean "no label", as numbers or colour codes.
Values = tuple[float, ...]
#: Settings of a label by the word that chooses them; None stands for a word
#: in which a number is still to be filled in.
Encodings = dict[str, dict[str, Any] | None]

# So many maps are kept whole, for questions about shapes.
_KEPT = 8
# So many values at either end are kept.
_ENDS = 4
# A value this far from the next, in the range of the rest, stands alone.
_ALONE = 0.25
# A value that is this share of all pixels, and this many times as frequent as
# others (real numbers, whole numbers), is no chance.
_CROWD = 5e-4
_TIMES = (3, 10)
# So many odd values are asked about.
_ASKED = 3


@dataclass(frozen=True)
class Stored:
    """The values in a sample of the files of one task.

    Convention:
        A value is the stored number; a colour code (red * 65536 + green *
        256 + blue) where ``is_colour``; of three channels that mean a vector
        only triples of equal numbers count. NaN and infinity do not.

    Attributes:
        maps: Some of the maps, whole.
        counts: Pixels by value; of real numbers those that occur three times
            in a map.
        ends: The smallest and the largest few values, ascending.
        pixels: Number of pixels.
        usual: Share of a map's pixels that one value has on average.
        is_colour: Whether the maps are pictures in colour.
        is_whole: Whether all files were read, so that no value is missing.
    """

    maps: tuple[np.ndarray, ...]
    counts: Mapping[float, int]
    ends: tuple[tuple[float, ...], tuple[float, ...]]
    pixels: int
    usual: float
    is_colour: bool
    is_whole: bool

    @property
    def dtype(self) -> np.dtype:
        """Type of the stored numbers."""
        return self.maps[0].dtype

    @property
    def is_counted(self) -> bool:
        """Whether whole numbers are stored."""
        return self.dtype.kind in 'iub'

    def values(self, absent: Values = ()) -> list[float]:
        """Return the values that are labels, ascending.

        Args:
            absent: Those that mean "no label".
        """
        return sorted(v for v in self.counts if v not in absent)

    def sample(self, absent: Values = ()) -> np.ndarray:
        """Return some pixels that have a label, ``(N,)`` or ``(N, C)``.

        Args:
            absent: Stored values that mean "no label".
        """
        kept = []
        for stored in self.maps:
            step = max(1, max(stored.shape[:2]) // 64)
            thin = stored[::step, ::step]
            pixels = thin.reshape(-1, *thin.shape[2:])
            wrong = np.isin(pixels, absent) | ~np.isfinite(pixels)
            if pixels.ndim > 1:
                alike = (pixels == pixels[:, :1]).all(-1)
                wrong = (wrong.any(-1) & alike) | ~np.isfinite(pixels).all(-1)
            kept.append(pixels[~wrong])
        return np.concatenate(kept)


def summarise(
    maps: Iterable[np.ndarray], *, is_colour: bool, is_whole: bool
) -> Stored:
    """Count the values of maps.

    Args:
        maps: ``(H, W)``, or ``(H, W, 3)`` colours or vectors.
        is_colour: Whether three channels are a colour.
        is_whole: Whether these are all maps there are.
    """
    kept: list[np.ndarray] = []
    counts: Counter[float] = Counter()
    ends: tuple[list[float], list[float]] = ([], [])
    files = pixels = distinct = 0
    for stored in maps:
        files += 1
        if len(kept) < _KEPT:
            kept.append(stored)
        values, numbers = np.unique(
            _values(stored, is_colour), return_counts=True
        )
        pixels += stored.shape[0] * stored.shape[1]
        distinct += len(values)
        ends = (
            sorted({*ends[0], *values[:_ENDS].tolist()})[:_ENDS],
            sorted({*ends[1], *values[-_ENDS:].tolist()})[-_ENDS:],
        )
        often = numbers >= (3 if stored.dtype.kind == 'f' else 1)
        chosen = zip(values[often].tolist(), numbers[often], strict=True)
        counts.update({value: int(number) for value, number in chosen})
    return Stored(
        maps=tuple(kept),
        counts=counts,
        ends=(tuple(ends[0]), tuple(ends[1])),
        pixels=pixels,
        usual=files / max(distinct, 1),
        is_colour=is_colour,
        is_whole=is_whole,
    )


def colour_codes(stored: np.ndarray) -> np.ndarray:
    """Return red * 65536 + green * 256 + blue.

    Args:
        stored: ``(..., 3)`` bytes.
    """
    return stored.astype(np.int64) @ np.array([65536, 256, 1])


def _values(stored: np.ndarray, is_colour: bool) -> np.ndarray:
    if is_colour:
        return colour_codes(stored)
    if stored.ndim == 3:
        stored = stored[(stored == stored[..., :1]).all(-1)][:, 0]
    return stored[np.isfinite(stored)]


def odd_values(stored: Stored) -> list[float]:
    """Return values that may be no measurement: "no label", or a limit.

    They are much more frequent than others, stand alone at an end of the
    range, or are 0 or the largest that a type of whole numbers can hold.

    Args:
        stored: What files of real values hold.

    Returns:
        The most frequent first.
    """
    times = _TIMES[stored.is_counted]
    limit = stored.pixels * max(_CROWD, times * stored.usual)
    found = [v for v, n in stored.counts.items() if n >= limit]
    rest = stored.sample(tuple(found))
    if rest.size:
        low, high = np.quantile(rest, (0.01, 0.99))
        gap = _ALONE * (high - low)
        found += _alone(stored.ends[0], gap)
        found += _alone(stored.ends[1][::-1], gap)
    if stored.is_counted:
        bounds = (0, 255, 65535)
        found += [v for v in bounds if v in stored.counts]
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda v: -stored.counts.get(v, 0))[:_ASKED]


def _alone(ends: Sequence[float], gap: float) -> list[float]:
    """Return the values before the last wide gap, from an end inwards."""
    steps = [abs(a - b) > gap for a, b in pairwise(ends)]
    return list(
        ends[: max((i + 1 for i, s in enumerate(steps) if s), default=0)]
    )


def is_void(value: float, ids: Sequence[float]) -> bool:
    """Say whether a value stands far above all other ids.

    Args:
        value: Such as 255.
        ids: Whole numbers that files hold, ascending.
    """
    others = [v for v in ids if v != value]
    gap = max([2, *np.diff(others).tolist()])
    return len(others) > 1 and max(others) + gap < value in ids


def subsets(
    certain: Sequence[float], doubtful: Sequence[float]
) -> list[Values]:
    """Return what may mean "no label": the certain, and any of the doubtful.

    Args:
        certain: Values that mean nothing else.
        doubtful: Values that may mean something else.

    Returns:
        The largest first.
    """
    return [
        tuple(sorted({*certain, *chosen}))
        for size in reversed(range(len(doubtful) + 1))
        for chosen in combinations(doubtful, size)
    ]


def number_of(word: str) -> float | None:
    """Return the number that a word is, such as ``0.5`` or ``1/512``."""
    try:
        return float(Fraction(word.replace(' ', '')))
    except (ValueError, ZeroDivisionError):
        return None


def spelled(values: Sequence[float], *, is_colour: bool = False) -> str:
    """Return values as the command line has them.

    Args:
        values: Stored values.
        is_colour: Whether they are colour codes.
    """
    if not values:
        return 'nothing'
    return ','.join(
        f'#{int(v):06x}' if is_colour else repr(plain(v)) for v in values
    )


def read_values(text: str) -> Values:
    """Return the values that :func:`spelled` wrote; ``a-b`` is a range.

    Raises:
        ValueError: If it is no list of values.
    """
    found: list[float] = []
    for word in [] if text == 'nothing' else text.split(','):
        first, dash, last = word.partition('-')
        if word.startswith('#') and len(word) == 7:
            found.append(int(word[1:], 16))
        elif dash and first.isdigit() and last.isdigit():
            found += range(int(first), int(last) + 1)
        elif (number := number_of(word)) is not None:
            found.append(plain(number))
        else:
            raise ValueError(
                f'{text!r}: give values, such as 0,255 or 128-255 or '
                '#000000, or the word nothing'
            )
    return tuple(found)


def plain(value: float) -> float | int:
    """Return a whole number as an int."""
    return int(value) if float(value).is_integer() else float(value)


def entry(value: float, *, is_colour: bool) -> Any:
    """Return a stored value as a config has it: a number, or three."""
    code = plain(value)
    if not is_colour:
        return code
    return [code // 65536, code // 256 % 256, code % 256]


def absent_setting(absent: Values, *, is_colour: bool) -> dict[str, Any]:
    """Return ``no_label`` for a config; nothing where there is none."""
    listed = [entry(v, is_colour=is_colour) for v in absent]
    if not listed:
        return {}
    one = len(listed) == 1 and not is_colour
    return {'no_label': listed[0] if one else listed}
