"""Runs the command ``mmmtl`` inside the test process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.cli.app import main
from tests.in_process import ToolResult, run_here


@pytest.fixture
def mmmtl(capfd: pytest.CaptureFixture) -> Callable[..., ToolResult]:
    """Return ``mmmtl(*arguments)``."""

    def run(*arguments: str | Path) -> ToolResult:
        words = [str(word) for word in arguments]
        return run_here(lambda: main(words), capfd)

    return run
