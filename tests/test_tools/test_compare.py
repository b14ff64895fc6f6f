"""The comparison of results: numbers, names, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from tests.own_tasks import outside_modules

TOOL = 'analysis_tools/compare.py'
# mIoU, RMSE, mean angle, odsF of nobody. Gains over the first row, percent:
# multi -5, -2, -5, 2 (mean -2.5); best 5, 2, 5, 1.25 (mean 3.3125).
ROWS = {
    'single': (40.00, 0.5000, 20.00, 80.00),
    'multi': (38.00, 0.5100, 21.00, 81.60),
    'best': (42.00, 0.4900, 19.00, 81.00),
}
KEYS = ('semseg/mIoU', 'depth/rmse', 'normals/mean_err', 'edge/odsF')
SINGLE = dict(
    zip(('semseg', 'depth', 'normals', 'edge'), ROWS['single'], strict=True)
)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for name, row in ROWS.items():
        path = tmp_path / f'{name}.json'
        content = {
            'metrics': {**dict(zip(KEYS, row, strict=True)), 'x/y': 1.0},
            'config': {'file': f'configs/some/{name}_net.py'},
        }
        path.write_text(json.dumps(content))
        paths.append(path)
    return paths


def test_table_of_a_paper(
    run_tool: Callable, files: list[Path], tmp_path: Path
) -> None:
    single = tmp_path / 'single_task.json'
    single.write_text(json.dumps({'single_task': SINGLE, 'config': 'x.py'}))
    out, chart = tmp_path / 'new/table.md', tmp_path / 'new/chart.png'
    result = run_tool(
        TOOL, *files, '--single-task', single, '--out', out, '--chart', chart
    )
    assert result.code == 0, result.err
    assert result.out == out.read_text()
    lines = result.out.splitlines()
    assert lines[0] == (
        '| model | semseg/mIoU ↑ | depth/rmse ↓ | normals/mean_err ↓ '
        '| edge/odsF ↑ | delta_m ↑ |'
    )
    assert lines[2:] == [
        '| single_net | 40.00 | 0.5000 | 20.00 | 80.00 | 0.00 |',
        '| multi_net | 38.00 | 0.5100 | 21.00 | **81.60** | -2.50 |',
        '| best_net | **42.00** | **0.4900** | **19.00** | 81.00 | **3.31** |',
    ]
    picture = cv2.imread(str(chart))
    height, width = picture.shape[:2]
    assert width > 2 * height
    # The colour of the third model's bars, BGR of matplotlib's C2.
    assert (picture == (44, 160, 44)).all(axis=2).mean() > 0.01


def test_tasks_are_compared_by_the_metrics_of_the_recipe(
    run_tool: Callable, tmp_path: Path
) -> None:
    """delta_m and columns of a result follow its own primary metrics."""
    single = tmp_path / 'single_task.json'
    single.write_text(json.dumps({'saliency': 50.0}))
    metrics = {'saliency/maxF': 70.0, 'saliency/mIoU': 60.0}
    files = []
    for name, primary in (('a', {'saliency': 'mIoU'}), ('b', {})):
        path = tmp_path / f'{name}.json'
        content = {'metrics': metrics, 'primary': primary}
        path.write_text(json.dumps(content))
        files.append(path)
    options = ('--single-task', single, '--chart', tmp_path / 'chart.png')
    both = run_tool(TOOL, *files, '--names', 'A', 'B', *options)
    assert both.code == 0, both.err
    lines = both.out.splitlines()
    assert lines[0] == (
        '| model | saliency/mIoU ↑ | saliency/maxF ↑ | delta_m ↑ |'
    )
    assert [line.split('|')[-2].strip('* ') for line in lines[2:]] == [
        '20.00',
        '40.00',
    ]
    one = run_tool(TOOL, files[0], *options)
    assert one.out.splitlines()[0].count('saliency') == 1


def test_names_and_missing_values(
    run_tool: Callable, files: list[Path], tmp_path: Path
) -> None:
    content = json.loads(files[0].read_text())
    content['metrics'] = {'edge/pixelF': 12.345, 'depth/rmse': None}
    files[0].write_text(json.dumps(content))
    chart = tmp_path / 'chart.png'
    result = run_tool(
        TOOL, *files[:2], '--names', 'A|B', 'C', '--chart', chart
    )
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[2] == r'| A\|B | - | - | - | - |'
    assert lines[3].startswith('| C | **38.00** |')
    result = run_tool(TOOL, files[0], '--chart', chart)
    assert result.out.splitlines()[2] == '| single_net | - | 12.35 |'


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--names', 'one'], 'give each its own with --names'),
        (['--names', 'a', 'a', 'b'], 'give each its own with --names'),
        (['--out', 'table.txt'], 'name a file that ends in .md'),
        (['--chart', 'chart.pdf'], 'name a file that ends in .png'),
        (['--single-task', 'nowhere.json'], 'No such file'),
    ],
)
def test_bad_arguments_are_one_line(
    run_tool: Callable, files: list[Path], arguments: list[str], words: str
) -> None:
    result = run_tool(TOOL, *files, *arguments)
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith('error: ')
    assert words in result.err


def test_kinds_of_ones_own_are_named_or_imported(
    run_tool: Callable,
    files: list[Path],
    tmp_path: Path,
) -> None:
    content = json.loads(files[0].read_text())
    content['metrics']['aspect/mean_err'] = 12.0
    content['new_tasks'] = {'aspect': {'kind': 'direction'}}
    files[0].write_text(json.dumps(content))
    more = (files[0], '--chart', tmp_path / 'chart.png')
    result = run_tool(TOOL, *more)
    assert 'aspect' not in result.out
    assert (
        "note: aspect (kind 'direction'): left out, the kind is not known "
        'here; name its module with --imports' in result.err
    )
    result = run_tool(TOOL, *more, '--imports', 'outside_kind')
    assert result.code == 2
    assert (
        "error: --imports outside_kind: No module named 'outside_kind': put "
        'its folder on PYTHONPATH' in result.err
    )
    with outside_modules():
        result = run_tool(TOOL, *more, '--imports', 'outside_kind')
    assert 'aspect/mean_err ↓' in result.out
    assert 'note' not in result.err


def test_a_missing_single_task_is_refused(
    run_tool: Callable, files: list[Path], tmp_path: Path
) -> None:
    single = tmp_path / 'single_task.json'
    single.write_text(json.dumps({'semseg': 40.00, 'depth': 0.5000}))
    result = run_tool(TOOL, *files, '--single-task', single)
    assert result.code == 2
    assert 'needs the same tasks on both sides' in result.err
    assert f'error: results {files[0]} with' in result.err


def add_base(path: Path, delta_m: float, single_task: object) -> None:
    content = json.loads(path.read_text())
    content['metrics']['delta_m'] = delta_m
    content['single_task'] = single_task
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ('second', 'shown'),
    [
        (SINGLE, ['0.00', '**1.50**', '-']),
        ({**SINGLE, 'depth': 0.7}, ['-', '-', '-']),
        (None, ['-', '-', '-']),
    ],
)
def test_delta_m_of_different_bases_is_left_blank(
    run_tool: Callable,
    files: list[Path],
    tmp_path: Path,
    second: dict | None,
    shown: list[str],
) -> None:
    """The third file has none, and does not matter."""
    add_base(files[0], 0.0, SINGLE)
    add_base(files[1], 1.5, second)
    chart = tmp_path / 'chart.png'
    result = run_tool(TOOL, *files, '--chart', chart)
    assert result.code == 0, result.err
    cells = [line.split(' | ')[-1] for line in result.out.splitlines()]
    assert cells[0] == 'delta_m ↑ |'
    assert cells[2:] == [f'{text} |' for text in shown]
    assert ('delta_m is left blank' in result.err) == (shown[0] == '-')
    # Bases that differ do not matter where one is given.
    single = tmp_path / 'single_task.json'
    single.write_text(json.dumps(SINGLE))
    result = run_tool(TOOL, *files, '--single-task', single, '--chart', chart)
    assert '| -2.50 |' in result.out
    assert 'left blank' not in result.err


def test_two_unknown_bases_are_not_the_same(
    run_tool: Callable, files: list[Path], tmp_path: Path
) -> None:
    for path in files:
        add_base(path, 1.5, None)
    result = run_tool(TOOL, *files, '--chart', tmp_path / 'chart.png')
    assert result.code == 0, result.err
    assert '1.50' not in result.out
    assert 'different or unknown' in result.err


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'config': None}, '"config" is no object'),
        ({'metrics': {'depth/rmse': '0.5'}}, "['depth/rmse'] is '0.5'"),
    ],
)
def test_unfit_files_are_named(
    run_tool: Callable, files: list[Path], change: dict, words: str
) -> None:
    content = json.loads(files[1].read_text())
    files[1].write_text(json.dumps({**content, **change}))
    result = run_tool(TOOL, *files)
    assert result.code == 2
    line = result.err.splitlines()[-1]
    assert line.startswith(f'error: results {files[1]}')
    assert words in line
