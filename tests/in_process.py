"""Runs a command line in the test process; importing once saves seconds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

#: What tools set, or read, for the whole process.
VARIABLES = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MMMTL_TRACEBACK')


@dataclass(frozen=True)
class ToolResult:
    """How a tool ended and what it printed."""

    code: int
    out: str
    err: str


def run_here(
    command: Callable[[], int | None], capfd: pytest.CaptureFixture
) -> ToolResult:
    """Call a command and catch how it ends.

    Args:
        command: Returns the exit code, or exits.
        capfd: pytest's.
    """
    for name in VARIABLES:
        os.environ.pop(name, None)
    capfd.readouterr()
    try:
        code = command() or 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capfd.readouterr()
    return ToolResult(code, captured.out, captured.err)
