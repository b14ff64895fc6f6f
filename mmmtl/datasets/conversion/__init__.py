"""Building the folder layouts of data sets from their official downloads."""

from mmmtl.datasets.conversion.new_folder import new_folder
from mmmtl.datasets.conversion.parallel import run_parallel, usable_cores
from mmmtl.datasets.conversion.progress import progress

__all__ = ['new_folder', 'progress', 'run_parallel', 'usable_cores']
