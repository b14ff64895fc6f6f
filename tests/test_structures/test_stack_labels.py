from __future__ import annotations

import pytest
import torch

from mmmtl.structures import MultiTaskDataSample, merge_unique, stack_labels
from mmmtl.tasks import TASKS
from tests.tiny import random_label

CLASSES = {'semseg': 40, 'human_parts': 7}
CPU = torch.device('cpu')


@pytest.mark.parametrize('task', TASKS)
def test_a_sample_without_the_task_is_without_label(task: str) -> None:
    label = random_label(task, (4, 6), CLASSES)
    labelled, bare = MultiTaskDataSample(), MultiTaskDataSample()
    labelled.set_gt(task, label)
    stacked = stack_labels([bare, labelled], task, (4, 6), CPU)
    kind = TASKS[task].kind
    assert stacked.shape == (2, kind.components, 4, 6)
    assert stacked.dtype == kind.dtype
    assert torch.equal(stacked[1], label)
    mask = kind.valid(stacked)
    assert not mask[0].any()
    assert mask[1].all()


def test_merge_unique_keeps_all_in_order() -> None:
    merged = merge_unique({'b': 1}, {}, {'a': 2, 'c': 3})
    assert list(merged.items()) == [('b', 1), ('a', 2), ('c', 3)]


def test_merge_unique_names_the_clash() -> None:
    with pytest.raises(ValueError, match=r"\['depth/rmse'\] given more than"):
        merge_unique({'depth/rmse': 1}, {'depth/rmse': 1})
