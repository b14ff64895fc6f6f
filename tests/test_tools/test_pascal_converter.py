"""PASCAL-Context's converter as users call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.test_datasets.pascal_downloads import write_downloads

TOOL = 'dataset_converters/pascal_context.py'


def arguments(folders: dict[str, Path]) -> list[str]:
    pairs = [(f'--{name}', str(path)) for name, path in folders.items()]
    return [*(word for pair in pairs for word in pair), '--workers', '1']


def test_whole_call(run_tool: Callable, tmp_path: Path) -> None:
    folders = write_downloads(tmp_path / 'downloads')
    result = run_tool(TOOL, tmp_path / 'out', *arguments(folders))
    assert result.code == 0, result.err
    assert result.out == (
        f'2 train, 1 val images written to {tmp_path / "out"}\n'
    )
    again = run_tool(TOOL, tmp_path / 'out', *arguments(folders))
    assert again.code == 2
    assert 'already exists and is not empty' in again.err


def test_it_says_what_is_left_out(run_tool: Callable, tmp_path: Path) -> None:
    folders = write_downloads(tmp_path / 'downloads')
    del folders['distilled']
    result = run_tool(TOOL, tmp_path / 'out', *arguments(folders))
    assert result.code == 0, result.err
    assert 'left out: normals and saliency' in result.out
    assert "['semseg', 'human_parts', 'edge']" in result.out


def test_mistakes_are_one_line(run_tool: Callable, tmp_path: Path) -> None:
    folders = write_downloads(tmp_path / 'downloads')
    folders['parts'] = tmp_path / 'absent'
    result = run_tool(TOOL, tmp_path / 'out', *arguments(folders))
    assert result.code == 2
    assert result.err.count('\n') == 1
    assert f'{tmp_path / "absent"} is no folder' in result.err
