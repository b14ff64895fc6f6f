"""What the map of each task means."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.tasks.task_spec import (
    TASK_SPECS,
    TaskSpec,
    check_tasks,
    get_task_spec,
    valid_mask,
)

__all__ = [
    'TASK_SPECS',
    'TaskSpec',
    'check_tasks',
    'get_task_spec',
    'valid_mask',
]
