"""Results are complete or absent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmmtl.io.json_file import write_json


def test_values_of_all_kinds(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'a.json'
    write_json(
        path,
        {
            'a': np.float32(0.5),
            'b': torch.tensor([1, 2]),
            'c': float('nan'),
            'd': {'e': (1, np.inf)},
        },
    )
    assert json.loads(path.read_text()) == {
        'a': 0.5,
        'b': [1, 2],
        'c': None,
        'd': {'e': [1, None]},
    }


def test_failure_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'a.json'
    write_json(path, {'old': 1})

    def full_disk(self: Path, text: str, encoding: str) -> None:
        self.write_bytes(text[: len(text) // 2].encode(encoding))
        raise OSError('no space left')

    monkeypatch.setattr(Path, 'write_text', full_disk)
    with pytest.raises(OSError, match='no space'):
        write_json(path, {'new': 1})
    assert json.loads(path.read_bytes()) == {'old': 1}
    assert list(tmp_path.iterdir()) == [path]
