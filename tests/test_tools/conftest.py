"""Runs the command line tools inside the test process."""

from __future__ import annotations

import pprint
import runpy
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.in_process import ToolResult, run_here
from tests.tiny import METHODS


@pytest.fixture
def run_tool(
    repo_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> Callable[..., ToolResult]:
    """Return ``run(tool, *arguments)``."""

    def run(tool: str, *arguments: str | Path) -> ToolResult:
        script = repo_root / 'tools' / tool
        monkeypatch.setattr(sys, 'argv', [str(script), *map(str, arguments)])

        def tool_main() -> None:
            runpy.run_path(str(script), run_name='__main__')

        return run_here(tool_main, capfd)

    return run


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
