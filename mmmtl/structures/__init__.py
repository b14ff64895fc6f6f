"""What crosses the borders between the parts: the data sample."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.structures.merge import merge_unique
from mmmtl.structures.multi_task_data_sample import (
    MultiTaskDataSample,
    sample_names,
    stack_labels,
)

__all__ = [
    'MultiTaskDataSample',
    'merge_unique',
    'sample_names',
    'stack_labels',
]
