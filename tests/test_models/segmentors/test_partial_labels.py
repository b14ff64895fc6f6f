"""Labels of some tasks only, in a sample, a batch or a process."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import Tensor

from mmmtl.registry import MODELS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from tests.tiny import PASCAL, demt, head_tasks, random_batch

TASKS = (*PASCAL, 'depth', 'reshading', 'keypoints2d', 'edges2d')
PYRAMID = [8, 16, 32, 64]


def fcn(tasks: tuple[str, ...] = TASKS) -> dict[str, Any]:
    config = demt(tasks)
    config.pop('neck')
    config['decode_head'] = dict(
        type='PerTaskHeads',
        tasks=head_tasks(tasks),
        in_channels=PYRAMID,
        channels=8,
    )
    return config


MODELS_OF = {'demt': demt, 'fcn': fcn}


def build(name: str, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    model = build_in_scope(MODELS, MODELS_OF[name](TASKS))
    model.init_weights()
    return model


def keep(batch: dict[str, Any], *kept: set[str]) -> dict[str, Any]:
    """Let each sample have the labels of some tasks only."""
    samples = []
    for old, tasks in zip(batch['data_samples'], kept, strict=True):
        sample = MultiTaskDataSample(metainfo=dict(old.metainfo))
        for task in tasks:
            sample.set_gt(task, old.get_gt(task))
        samples.append(sample)
    return dict(inputs=batch['inputs'], data_samples=samples)


def run(
    model: Any, batch: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Tensor | None]]:
    """Return the losses and the gradients of their sum."""
    model.zero_grad()
    data = model.data_preprocessor(batch, True)
    losses = model(**data, mode='loss')
    model.parse_losses(losses)[0].backward()
    return losses, {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize('name', MODELS_OF)
@pytest.mark.parametrize('task', TASKS)
def test_a_batch_without_a_task(name: str, task: str) -> None:
    """Its loss is 0 and its own parameters get gradients that are 0."""
    model, batch = build(name), random_batch(TASKS)
    others = set(TASKS) - {task}
    losses, gradients = run(model, keep(batch, others, others))
    assert {key.partition('.')[0] for key in losses} == set(TASKS)
    for key, value in losses.items():
        assert (value == 0) == key.startswith(f'{task}.'), key
    assert [n for n, grad in gradients.items() if grad is None] == []
    marks = ('classifiers', 'bottlenecks', 'decoders')
    own = [
        n for n in gradients if f'.{task}.' in n and n.split('.')[1] in marks
    ]
    assert own
    for parameter in own:
        assert gradients[parameter].abs().max() == 0, parameter
    assert gradients['backbone.norm0.weight'].abs().max() > 0


@pytest.mark.parametrize('task', TASKS)
def test_a_sample_without_a_task_counts_for_the_others(task: str) -> None:
    """Absent equals ignored throughout, for this and every other task."""
    model, batch = build('fcn'), random_batch(TASKS)
    ignored = keep(batch, set(TASKS), set(TASKS))
    label = ignored['data_samples'][1].get_gt(task).clone()
    # NaN of the heat maps, written out: not what the table says.
    unlabelled = dict(
        depth=0.0,
        normals=0.0,
        reshading=math.nan,
        keypoints2d=math.nan,
        edges2d=math.nan,
    )
    label.fill_(unlabelled.get(task, 255))
    ignored['data_samples'][1].set_gt(task, label)
    want, want_gradients = run(model, ignored)
    model = build('fcn')
    found, gradients = run(model, keep(batch, set(TASKS), set(TASKS) - {task}))
    assert found.keys() == want.keys()
    for key, value in found.items():
        assert value == want[key], key
    for parameter, grad in gradients.items():
        torch.testing.assert_close(grad, want_gradients[parameter])


def test_samples_without_any_label() -> None:
    losses, gradients = run(
        build('fcn'), keep(random_batch(TASKS), set(), set())
    )
    assert all(value == 0 for value in losses.values())
    assert all(
        grad is not None and not grad.any() for grad in gradients.values()
    )


LABELS_OF_RANK = ({'depth', 'edge'}, {'semseg', 'human_parts', 'edge'})


def _batch_of(rank: int) -> dict[str, Any]:
    torch.manual_seed(10 + rank)
    kept = LABELS_OF_RANK[rank]
    return keep(random_batch(TASKS), kept, kept)


def _work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/start', rank=rank, world_size=2
    )
    report = {}
    for name in MODELS_OF:
        # No find_unused_parameters: a missing gradient would stop a rank.
        model = MMDistributedDataParallel(build(name), device_ids=None)
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.5))
        log = model.train_step(_batch_of(rank), wrapper)
        losses = {key: value.item() for key, value in log.items()}
        report[name] = losses
        torch.save(
            model.module.state_dict(), Path(folder, f'{name}{rank}.pth')
        )
    Path(folder, f'{rank}.json').write_text(json.dumps(report))
    dist.destroy_process_group()


@pytest.mark.slow
def test_ranks_with_labels_of_different_tasks(tmp_path: Path) -> None:
    """Both finish, and step along the mean of the gradients they had."""
    context = mp.spawn(_work, args=(str(tmp_path),), nprocs=2, join=False)
    assert context is not None
    # Returns True when all have ended; a hang would return False.
    for _ in range(2):
        if context.join(timeout=100):
            break
    else:
        for process in context.processes:
            process.kill()
        pytest.fail('the two processes wait for each other')
    for name in MODELS_OF:
        means: dict[str, Tensor] = {}
        for rank, labels in enumerate(LABELS_OF_RANK):
            losses, gradients = run(build(name), _batch_of(rank))
            logged = json.loads((tmp_path / f'{rank}.json').read_text())[name]
            for key, value in losses.items():
                assert logged[key] == pytest.approx(value.item(), rel=1e-4)
                assert (logged[key] == 0) == (
                    key.partition('.')[0] not in labels
                )
            for parameter, grad in gradients.items():
                means[parameter] = means.get(parameter, 0) + grad / 2
        before = build(name).state_dict()
        first = torch.load(tmp_path / f'{name}0.pth', weights_only=True)
        second = torch.load(tmp_path / f'{name}1.pth', weights_only=True)
        for parameter, mean in means.items():
            assert torch.equal(first[parameter], second[parameter])
            torch.testing.assert_close(
                first[parameter],
                before[parameter] - 0.5 * mean,
                rtol=1e-4,
                atol=1e-5,
            )
