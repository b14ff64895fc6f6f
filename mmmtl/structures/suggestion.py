"""Error texts that name what the user probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return the second half of an error message about an unknown name.

    Args:
        found: The name that was given.
        known: The names that would have been accepted.

    Returns:
        ``did you mean 'x'? (known: ...)`` or ``known are: ...``.
    """
    names = sorted(known)
    close = difflib.get_close_matches(found, names, n=2, cutoff=0.6)
    listing = ', '.join(names) or 'nothing'
    if close:
        return f'did you mean {" or ".join(map(repr, close))}? ({listing})'
    return f'known are: {listing}'
