"""A tiny model of known formulas, its config, checkpoint and a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch


@pytest.fixture
def pixel_config(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = repo_root / 'tests' / 'data' / 'pixel_project'
    monkeypatch.syspath_prepend(str(folder))
    return folder / 'pixel.py'


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Weights of the model: depth is blue / 50, the norm does nothing."""
    return {
        'scale': torch.tensor(2.0),
        'norm.running_mean': torch.zeros(3),
        'norm.running_var': torch.ones(3),
        'norm.num_batches_tracked': torch.tensor(0),
    }


@pytest.fixture
def weights(state: dict, tmp_path: Path) -> Path:
    path = tmp_path / 'weights.pth'
    torch.save({'state_dict': state}, path)
    return path


@pytest.fixture
def image() -> np.ndarray:
    """A BGR picture of a size that the pipeline has to pad."""
    return np.random.default_rng(0).integers(0, 256, (17, 25, 3), np.uint8)


@pytest.fixture
def picture(image: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / 'in' / 'picture.png'
    path.parent.mkdir()
    cv2.imwrite(str(path), image)
    return path
