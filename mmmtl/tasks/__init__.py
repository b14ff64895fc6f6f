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
    is_built_in,
    make_task,
    new_rows,
    register_task,
    register_tasks,
)

__all__ = [
    'FIELDS',
    'KINDS',
    'TASKS',
    'Kind',
    'Primary',
    'Task',
    'check_tasks',
    'get_task',
    'is_built_in',
    'make_task',
    'new_rows',
    'register_kind',
    'register_task',
    'register_tasks',
]
