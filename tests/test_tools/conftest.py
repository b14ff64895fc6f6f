"""Runs the command line tools inside the test process."""

from __future__ import annotations

import os
import pprint
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.tiny import METHODS


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


@pytest.fixture
def part(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ModuleType]:
    """Return ``part(name)``, which imports a part of benchmark.py."""
    folder = repo_root / 'tools' / 'analysis_tools'
    monkeypatch.syspath_prepend(str(folder))
    return lambda name: import_module(f'benchmarks.{name}')


@pytest.fixture
def write_tiny(tmp_path: Path) -> Callable[..., Path]:
    """Return ``write_tiny(method, **head)``, which writes a tiny config."""

    def write_config(method: str, **head: Any) -> Path:
        path = tmp_path / f'{method}.py'
        model = pprint.pformat(METHODS[method](**head), sort_dicts=False)
        path.write_text(f'model = {model}\n')
        return path

    return write_config
