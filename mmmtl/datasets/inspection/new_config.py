"""One call from a folder to a config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmmtl.datasets.inspection.config_text import (
    config_text,
    list_files,
    model_config,
)
from mmmtl.datasets.inspection.inspect import Finding, inspect_folder
from mmmtl.datasets.inspection.question import Answers
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, new_file
from mmmtl.io.id_lists import write_ids
from mmmtl.tasks import KINDS, Task, get_task, is_built_in, make_task


def new_config(
    root: str | Path,
    tasks: Sequence[Task],
    out: str | Path,
    *,
    method: str = 'demt',
    backbone: str = 'swin-t',
    answers: Answers | None = None,
    limit: int = 200,
    bar: bool = False,
    imports: Sequence[str] = (),
) -> Finding:
    """Look at a folder and write a config that trains on it.

    Args:
        root: The data folder.
        tasks: Tasks it has labels of, see :func:`read_tasks`.
        out: The config to write, and lists of samples beside it if the
            folder has none.
        method: A method with a ready model in ``configs/_base_/models``.
        backbone: Its backbone.
        answers: What the user says about the files.
        limit: Number of label files of each task that are opened.
        bar: Show a progress bar.
        imports: Modules that the tasks' kinds are from.

    Returns:
        What was found.

    Raises:
        OpenQuestionsError: If files can be read in several ways. Nothing is
            written then.
        UserError: If the config exists, or no such model does.
        DatasetError: If files cannot be read.
    """
    out = Path(out)
    if out.suffix != '.py' or out.exists():
        problem = 'exists already' if out.exists() else 'does not end in .py'
        raise UserError(f'{out} {problem}: name another file')
    check_out('--out', out)
    model_config(method, backbone)
    finding = inspect_folder(
        root, tasks, answers=answers, limit=limit, bar=bar
    )
    text = config_text(
        finding, out=out, method=method, backbone=backbone, imports=imports
    )
    for path, ids in list_files(finding, out).items():
        write_ids(path, ids)
    with new_file(out) as partial:
        partial.write_text(text, 'utf-8')
    return finding


def read_tasks(
    kinds: Mapping[str, str | None], units: Mapping[str, str] | None = None
) -> list[Task]:
    """Return the tasks that a command line names.

    Args:
        kinds: Kind by name; None for tasks that are in the table.
        units: Unit by name, for scalars.

    Raises:
        ValueError: If a name or a kind cannot be used, or a known task is
            given another kind.
    """
    units = units or {}
    found = []
    for name, kind in kinds.items():
        if is_built_in(name):
            known = get_task(name)
            if name in units:
                raise UserError(
                    f'--unit {name}: its unit is {known.kind.unit!r}; say how '
                    f'files hold it, --encoding {name}=...'
                )
            if kind not in (None, known.kind_name):
                raise UserError(
                    f'{name} is a known task of kind {known.kind_name!r}: '
                    'leave the kind out, or choose another name'
                )
            found.append(known)
        elif kind is None:
            raise UserError(
                f'{name} is no known task: say its kind, such as '
                f'{name}=binary (kinds: {", ".join(KINDS)})'
            )
        else:
            unit = {'unit': units[name]} if name in units else {}
            found.append(make_task(name, kind=kind, **unit))
    return found
