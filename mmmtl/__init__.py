"""mmmtl: multi-task dense prediction for MMSegmentation.

Nothing heavy is imported here: the parts import what they need.
"""

from mmmtl.version import __version__

__all__ = ['__version__']
