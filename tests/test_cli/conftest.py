"""Runs the command ``mmmtl`` inside the test process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.cli.app import main
from tests.test_tools.conftest import ToolResult


@pytest.fixture
def mmmtl(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> Callable[..., ToolResult]:
    """Return ``mmmtl(*arguments)``; importing once saves seconds."""

    def run(*arguments: str | Path) -> ToolResult:
        for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MMMTL_TRACEBACK'):
            monkeypatch.delenv(name, raising=False)
        capfd.readouterr()
        try:
            code = main([str(word) for word in arguments])
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
