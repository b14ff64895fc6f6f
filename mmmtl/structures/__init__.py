"""What crosses the borders between the parts: task table, data sample."""

from mmmtl.structures.merge import merge_unique
from mmmtl.structures.multi_task_data_sample import MultiTaskDataSample
from mmmtl.structures.stack_labels import stack_labels
from mmmtl.structures.suggestion import did_you_mean
from mmmtl.structures.task_spec import (
    TASK_SPECS,
    TaskSpec,
    check_tasks,
    get_task_spec,
)
from mmmtl.structures.valid_mask import valid_mask

__all__ = [
    'TASK_SPECS',
    'MultiTaskDataSample',
    'TaskSpec',
    'check_tasks',
    'did_you_mean',
    'get_task_spec',
    'merge_unique',
    'stack_labels',
    'valid_mask',
]
