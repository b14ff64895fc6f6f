"""The notebooks run from their first cell to the last."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def run_notebook(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Return ``run(name) -> (variables, what was displayed)``."""

    def run(name: str) -> tuple[dict[str, Any], list[Any]]:
        shown: list[Any] = []
        display = ModuleType('IPython.display')
        display.display = shown.append
        monkeypatch.setitem(sys.modules, 'IPython.display', display)
        monkeypatch.chdir(tmp_path)
        path = repo_root / 'docs' / 'notebooks' / f'{name}.ipynb'
        variables: dict[str, Any] = {'__name__': '__main__'}
        for cell in json.loads(path.read_text('utf-8'))['cells']:
            if cell['cell_type'] == 'code':
                exec(''.join(cell['source']), variables)
        return variables, shown

    return run


def test_predict_and_look(run_notebook: Any) -> None:
    found, shown = run_notebook('predict_and_look')
    assert len(found['maps']) == 9
    assert shown[0].size == (256, 192)
    assert len(shown) == 2
    # The model knows rendered rooms: better than the mean and than noise.
    assert found['error'] < found['room'].depth.std()
    assert found['angle'].mean() < 30


def test_own_folder(run_notebook: Any) -> None:
    found, _ = run_notebook('own_folder')
    assert found['problems'] == 0
    assert (found['work_dir'] / 'iter_6.pth').is_file()
    maps = found['maps']
    assert {task: m.shape for task, m in maps.items()} == {
        'cracks': (64, 96),
        'depth': (64, 96),
    }
    # Six steps do not leave the mean that the last layer starts from.
    assert 2 < np.median(maps['depth']) < 5
