"""Opens every file of a data folder and says what is wrong with it.

``verify.py`` goes through splits and makes the report, ``sample_checks.py``
judges the files of one sample, ``plausibility.py`` has the pure numbers,
``known_sets.py`` the data sets that can be verified by name.
"""

from mmmtl.datasets.verification.known_sets import (
    KNOWN_SETS,
    KnownSet,
    find_set,
)
from mmmtl.datasets.verification.verify import (
    format_report,
    verify,
    verify_config,
)

__all__ = [
    'KNOWN_SETS',
    'KnownSet',
    'find_set',
    'format_report',
    'verify',
    'verify_config',
]
