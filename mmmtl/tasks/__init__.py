"""What the map of each task means: kinds, and tasks as rows of them."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.tasks.kinds import KINDS, Kind, Primary, register_kind
from mmmtl.tasks.task import (
    FIELDS,
    TASKS,
    Task,
    check_tasks,
    get_task,
    new_rows,
    register_task,
    register_tasks,
)
from mmmtl.tasks.task_spec import (
    TASK_SPECS,
    TaskSpec,
    get_task_spec,
    valid_mask,
)

__all__ = [
    'FIELDS',
    'KINDS',
    'TASKS',
    'TASK_SPECS',
    'Kind',
    'Primary',
    'Task',
    'TaskSpec',
    'check_tasks',
    'get_task',
    'get_task_spec',
    'new_rows',
    'register_kind',
    'register_task',
    'register_tasks',
    'valid_mask',
]
