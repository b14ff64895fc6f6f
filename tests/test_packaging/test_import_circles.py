"""The rooms of the package import each other in one direction only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path


def imports_on_loading(node: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported when a file is loaded.

    Imports inside functions are made later, if ever, and those for type
    checkers are not made at all.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            yield from (f'{child.module}.{a.name}' for a in child.names)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.If) and (
            ast.unparse(child.test) == 'TYPE_CHECKING'
        ):
            continue
        elif not isinstance(child, (ast.FunctionDef, ast.Lambda)):
            yield from imports_on_loading(child)


def test_no_two_rooms_import_each_other(repo_root: Path) -> None:
    package = repo_root / 'mmmtl'
    rooms: dict[str, set[str]] = {}
    for path in package.rglob('*.py'):
        room = path.relative_to(package).with_suffix('').parts[0]
        used = rooms.setdefault(room, set())
        for name in imports_on_loading(ast.parse(path.read_text('utf-8'))):
            if name.startswith('mmmtl.'):
                used |= {name.split('.')[1]} - {room}
    assert 'registry' in rooms['models']  # some are found
    # Raises CycleError, which names the rooms, if there is a circle.
    order = list(TopologicalSorter(rooms).static_order())
    assert order.index('geometry') < order.index('evaluation')
