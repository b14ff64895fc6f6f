"""Runs the command line tools inside the test process."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class ToolResult:
    """How a tool ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_tool(
    repo_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> Callable[..., ToolResult]:
    """Return ``run(tool, *arguments)``; importing once saves seconds."""

    def run(tool: str, *arguments: str | Path) -> ToolResult:
        script = repo_root / 'tools' / tool
        monkeypatch.setattr(sys, 'argv', [str(script), *map(str, arguments)])
        for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MMMTL_TRACEBACK'):
            os.environ.pop(name, None)
        capfd.readouterr()
        code = 0
        try:
            runpy.run_path(str(script), run_name='__main__')
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capfd.readouterr()
        return ToolResult(code, captured.out, captured.err)

    return run


@pytest.fixture
def toy_config(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config of a model with 17 parameters, trained for four steps."""
    folder = repo_root / 'tests' / 'data' / 'toy_project'
    monkeypatch.syspath_prepend(str(folder))
    return folder / 'toy.py'
