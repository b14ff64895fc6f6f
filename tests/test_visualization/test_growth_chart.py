from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from mmmtl.visualization.charts import Line, save_growth_chart


def test_lines_start_at_zero_and_carry_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        'savefig',
        lambda self, *args, **kwargs: (
            figures.append(self) or save(self, *args, **kwargs)
        ),
    )
    panels: Any = {
        'seconds': [Line('MulT', [(1, 2.0), (4, 5.0)]), Line('x', [(1, 3.0)])],
        'memory': [Line('MulT', [(1, 7.0)])],
    }
    path = tmp_path / 'new' / 'chart.png'
    save_growth_chart(panels, path, axis='tasks')
    assert path.stat().st_size > 0
    first, second = figures[0].axes
    assert [axes.get_title() for axes in (first, second)] == list(panels)
    assert first.get_lines()[0].get_xydata().tolist() == [[1, 2], [4, 5]]
    assert first.get_ylim()[0] == 0
    assert first.get_xlabel() == 'tasks'
    assert first.get_xticks().tolist() == [1, 4]
    names = [text.get_text() for text in first.get_legend().get_texts()]
    assert names == ['MulT', 'x']
