"""Multi-task dense prediction for MMSegmentation."""

from .dependency_check import check_dependencies
from .version import __version__

check_dependencies()

__all__ = ['__version__']
