"""Opens every file of a data folder and says what is wrong with it."""

from mmmtl.datasets.verification.known_sets import (
    KNOWN_SETS,
    KnownSet,
    find_set,
)
from mmmtl.datasets.verification.report import format_report
from mmmtl.datasets.verification.verify import verify

__all__ = ['KNOWN_SETS', 'KnownSet', 'find_set', 'format_report', 'verify']
