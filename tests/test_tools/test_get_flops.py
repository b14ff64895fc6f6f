"""Multiply-adds, true and as printed in papers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.in_process import ToolResult

TOOL = 'analysis_tools/get_flops.py'
Run = Callable[..., ToolResult]


class Pair(nn.Module):
    """A convolution, and one below it whose result is doubled in size."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.inner = nn.Sequential(nn.Conv2d(4, 2, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        below = self.inner(self.first(image))
        return F.interpolate(below, scale_factor=2.0, mode='bilinear')


def test_every_module_has_its_own_count(part: Callable) -> None:
    model, image = Pair(), torch.randn(1, 3, 5, 6)
    with torch.no_grad():
        found = part('multiply_adds').count_by_module(
            model, lambda: model(image)
        )
    products = {name: count.products for name, count in found.items()}
    first, inner = 30 * 3 * 4, 30 * 9 * 4 * 2
    assert products == {
        'first': first,
        'inner': inner,
        'inner.0': inner,
        '': first + inner,
    }
    # Two channels of 10 x 12 pixels, four neighbours each.
    assert found[''].sampling == 2 * 10 * 12 * 4
    assert found['inner'].sampling == 0


# Published: DeMT 100.70 and 121.05 G, FCN on HRNet18 17.59 G; counted on the
# released code with ptflops 0.6.9: MQTransformer 135.60 G. The true count of
# a backbone is conv, linear and attention products by hand.
@pytest.mark.slow
@pytest.mark.parametrize(
    ('config', 'papers', 'backbone'),
    [
        ('demt_swin-t_nyud', 100.70, 22.305),
        ('demt_swin-s_nyud', 121.05, 43.061),
        ('mqtransformer_swin-t_nyud', 135.60, 22.305),
        ('fcn-multi_hrnet18_nyud', 17.59, 7.675),
    ],
)
def test_counts_are_those_of_the_papers(
    run_tool: Run,
    tmp_path: Path,
    config: str,
    papers: float,
    backbone: float,
) -> None:
    out = tmp_path / 'flops.json'
    result = run_tool(TOOL, config, '--out', out)
    assert result.code == 0, result.err
    assert f'{papers:.2f}' in result.out
    modules = json.loads(out.read_text())['modules']
    assert modules['']['papers'] / 1e9 == pytest.approx(papers, abs=5e-3)
    assert modules['backbone']['products'] / 1e9 == pytest.approx(
        backbone, abs=5e-4
    )
    parts = [modules[name] for name in modules if name and '.' not in name]
    assert sum(part['products'] for part in parts) == modules['']['products']


def test_size_changes_the_count_and_nothing_is_computed(
    run_tool: Run, write_tiny: Callable, tmp_path: Path
) -> None:
    config, totals = write_tiny('SCA-MTL'), []
    for size in (64, 128):
        out = tmp_path / f'{size}.json'
        result = run_tool(
            TOOL, config, '--shape', size, size, '--depth', 2, '--out', out
        )
        assert result.code == 0, result.err
        assert 'decode_head.' in result.out
        assert 'formula' not in result.out
        whole = json.loads(out.read_text())['modules']['']
        totals.append(whole['products'])
        assert 0 < whole['papers'] < 1.2 * whole['products']
    assert totals[1] > 3.5 * totals[0]


def test_sizes_are_checked(run_tool: Run, write_tiny: Callable) -> None:
    result = run_tool(TOOL, write_tiny('DeMT'), '--shape', 0, 5)
    assert result.code == 2
    assert '--shape' in result.err
