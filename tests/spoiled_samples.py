"""Random samples, some with a label that is no number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.data import Dataset

from mmmtl.registry import DATASETS
from tests.tiny import SIZE, random_sample

TASKS = ('semseg', 'reshading')


@DATASETS.register_module()
class SpoiledSamples(Dataset):
    """Twelve samples room0, room1, ... with two labels."""

    def __init__(self, *, spoiled: Mapping[Any, float] | None = None) -> None:
        """Store which reshading labels begin with which value, by number."""
        self.spoiled = {int(key): v for key, v in (spoiled or {}).items()}

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> dict[str, Any]:
        image = torch.randint(256, (3, *SIZE), dtype=torch.uint8)
        sample = random_sample(TASKS, ori_shape=SIZE, sample_id=f'room{index}')
        if index in self.spoiled:
            sample.get_gt('reshading')[0, 0, 0] = self.spoiled[index]
        return dict(inputs=image, data_samples=sample)
