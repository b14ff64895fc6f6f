"""benchmark.py sharing: the cases, what is counted, the plot."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest
import torch

TOOL = 'analysis_tools/benchmark.py'
SIZE = dict(channels=32, shape=[1, 32, 40], with_cp=True, device='cpu')
SMALL = ['--channels', '32', '--shape', '1', '32', '32']


@pytest.fixture
def sharing(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = repo_root / 'tools' / 'analysis_tools'
    monkeypatch.syspath_prepend(str(folder))
    return import_module('benchmarks.sharing')


def test_separate_decoders_share_nothing(sharing: ModuleType) -> None:
    """Three tasks: each stage saves two maps' weights, and no more."""
    with torch.device('meta'):
        one, three = (
            sharing.build_heads(Namespace(**SIZE), form, 3)
            for form in ('shared', 'separate')
        )
    assert [head.tasks for head in one] == [('semseg', 'depth', 'normals')]
    assert [head.tasks for head in three] == [
        ('semseg',),
        ('depth',),
        ('normals',),
    ]
    saved = sharing.count_parameters(three) - sharing.count_parameters(one)
    # Query and key 2 d^2 + 2 d, bias 169 per head of 32 channels.
    assert saved == 2 * sum(
        2 * d * d + 2 * d + 169 * d // 32 for d in (32, 64, 128, 256)
    )


def test_a_case_computes_every_gradient(
    sharing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaves = []
    one_pass = sharing.one_pass

    def spy(function: Any, inputs: Any, direction: str, found: Any) -> Any:
        leaves.extend(found)
        return one_pass(function, inputs, direction, found)

    monkeypatch.setattr(sharing, 'one_pass', spy)
    sharing.build(Namespace(**SIZE), 'separate', 2)()
    assert len(leaves) > 4
    assert all(leaf.grad is not None for leaf in leaves)


def test_what_a_case_keeps(sharing: ModuleType) -> None:
    """A square keeps its factor of 100 numbers, once for two squares."""
    x = torch.ones(100, requires_grad=True)

    def case() -> None:
        (x.pow(2).sum() + x.pow(2).sum()).backward()

    assert sharing.kept_bytes(case) == 400


def test_report_and_plot(run_tool: Callable, tmp_path: Path) -> None:
    out, plot = tmp_path / 'out.json', tmp_path / 'plots' / 'plot.png'
    end = run_tool(
        TOOL, 'sharing', *SMALL, '--counts', '1', '2', '--runs', '1',
        '--no-memory', '--out', out, '--plot', plot,
    )  # fmt: skip
    assert end.code == 0, end.err
    results = json.loads(out.read_text())['results']
    names = ['1 shared', '1 separate', '2 shared', '2 separate']
    assert [one['name'] for one in results] == names
    parameters = [one['parameters'] for one in results]
    assert parameters[0] == parameters[1]
    assert parameters[2] < parameters[3]
    assert results[3]['ratio']['median'] == 1
    kept = [one['kept_bytes'] for one in results]
    assert kept[0] == kept[1]
    assert kept[2] < kept[3]
    # Without the peak four panels of 3.2 inches at 120 dots.
    assert cv2.imread(str(plot)).shape == (384, 4 * 384, 3)


def test_too_many_tasks_are_refused(
    run_tool: Callable, tmp_path: Path
) -> None:
    end = run_tool(TOOL, 'sharing', *SMALL, '--counts', '2', '7')
    assert end.code == 2
    assert '--counts 7: give numbers from 1 to 6' in end.err
