"""The commands of docs/reliability.md, each of which repeats an attack."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

COMMAND = re.compile(r'`[^`]*python -m pytest ([^`]+?)\)?`')
SLOW = 'pytest.mark.slow'


def commands(root: Path) -> list[list[str]]:
    """Return the arguments of pytest in each of them."""
    text = (root / 'docs/reliability.md').read_text('utf-8')
    rows = [line for line in text.splitlines() if line.startswith('|')]
    found = COMMAND.findall('\n'.join(rows))
    return [shlex.split(command) for command in dict.fromkeys(found)]


def value_of(option: str, arguments: list[str]) -> str:
    given = option in arguments
    return arguments[arguments.index(option) + 1] if given else ''


@cache
def described(path: Path) -> list[tuple[bool, str]]:
    """Return of each test whether it is slow, and all that may name it.

    These are the file, the function, its decorators, and what is assigned to
    the names in them. Not looked at is how a test computes its ids.
    """
    body = ast.parse(path.read_text('utf-8')).body
    assigned = {
        ast.unparse(target): ast.unparse(node.value)
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    all_slow = SLOW in assigned.get('pytestmark', '')
    tests = []
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith('test_'):
            marks = [ast.unparse(mark) for mark in node.decorator_list]
            names = re.findall(r'\w+', ' '.join(marks))
            values = [assigned.get(name, '') for name in names]
            text = ' '.join([path.name, node.name, *marks, *values])
            tests.append((all_slow or SLOW in marks, text.lower()))
    return tests


def test_every_command_selects_tests(repo_root: Path) -> None:
    """Each word of each ``-k``: tests are renamed, and attacks forgotten."""
    found = commands(repo_root)
    assert len(found) > 90
    lost = []
    for arguments in found:
        places = [repo_root / a for a in arguments if a.startswith('tests/')]
        tests = [
            test
            for place in places
            for path in ([place] if place.suffix else place.rglob('test_*.py'))
            for test in described(path)
        ]
        only = {'slow': {True}, '': {False}}
        taken = only.get(value_of('-m', arguments), {True, False})
        texts = [text for is_slow, text in tests if is_slow in taken]
        lost += [
            f'{word!r}: pytest {shlex.join(arguments)}'
            for word in value_of('-k', arguments).split(' or ')
            if not any(word.lower() in text for text in texts)
        ]
    assert not lost
