"""A task that nothing labels stops the training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.config import Config

from mmmtl.engine.hooks import LabelledTasksHook
from mmmtl.engine.runner import build_runner
from mmmtl.errors import UserError
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS
from tests.tiny import head_tasks, swin

SIZE = (32, 48)


def sample(**values: float) -> MultiTaskDataSample:
    """Labels of one value each."""
    found = MultiTaskDataSample(metainfo=dict(label_frames=('image',)))
    for task, value in values.items():
        dtype = TASKS[task].kind.dtype
        found.set_gt(task, torch.full((1, 2, 2), value).to(dtype))
    return found


def start(
    length: int, tasks: tuple[str, ...], samples: int = 1000
) -> Iterator[Any]:
    """Return a generator that takes a batch of two at a time."""
    runner: Any = SimpleNamespace(
        model=SimpleNamespace(
            decode_head=SimpleNamespace(supervised_tasks=tasks)
        ),
        train_dataloader=SimpleNamespace(dataset=range(length), batch_size=2),
    )
    hook = LabelledTasksHook(samples=samples)
    hook.before_train(runner)

    def take() -> Iterator[Any]:
        while True:
            batch = yield
            hook.before_train_iter(runner, 0, dict(data_samples=batch))

    taking = take()
    next(taking)
    return taking


def test_the_first_epoch_decides() -> None:
    """Five samples are three batches; 255 and 0 m are no labels."""
    empty = sample(edge=255, depth=0)
    run = start(5, ('edge', 'depth', 'normals'))
    run.send([empty, sample(depth=1)])
    run.send([empty, empty])
    with pytest.raises(
        UserError, match=r"no label of \['edge', 'normals'\] in the first 5"
    ):
        run.send([empty, empty])


def test_or_the_first_samples() -> None:
    run = start(5000, ('edge',), samples=4)
    run.send([sample(), sample()])
    with pytest.raises(
        UserError, match=r'first 4 .*labelled_tasks\.samples=40'
    ):
        run.send([sample(), sample(edge=255)])


def test_a_single_label_is_enough() -> None:
    run = start(4, ('edge',))
    run.send([sample(), sample(edge=0)])
    for _ in range(3):
        run.send([sample(), sample()])


def test_a_pipeline_without_labels_stops_at_once() -> None:
    run = start(5000, ('edge',))
    with pytest.raises(UserError, match='loads no labels: add'):
        run.send([MultiTaskDataSample(), MultiTaskDataSample()])


def _work(rank: int, folder: str) -> None:
    """Edges are labelled in the second process alone."""
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/start', rank=rank, world_size=2
    )
    run = start(8, ('edge', 'depth'))
    try:
        run.send([sample(), sample()])
        run.send([sample(), sample(edge=1) if rank else sample()])
    except UserError as error:
        Path(folder, f'{rank}.txt').write_text(str(error))
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.slow
def test_all_processes_stop_together(tmp_path: Path) -> None:
    mp.spawn(_work, args=(str(tmp_path),), nprocs=2)
    texts = [(tmp_path / f'{rank}.txt').read_text() for rank in range(2)]
    assert texts[0] == texts[1]
    assert texts[0].startswith("no label of ['depth'] in the first 8")


def write(root: Path) -> Path:
    """Write two pictures whose edge maps say nothing."""
    for folder in ('rgb', 'depth', 'edge'):
        (root / folder).mkdir()
    for name in 'ab':
        grey = np.random.randint(0, 256, SIZE, np.uint8)
        cv2.imwrite(str(root / f'rgb/{name}.png'), cv2.merge([grey] * 3))
        np.save(root / f'depth/{name}.npy', grey / np.float32(100))
        np.save(root / f'edge/{name}.npy', np.full(SIZE, 255, np.uint8))
    (root / 'all.txt').write_text('a\nb\n')
    return root


@pytest.mark.parametrize('lost', ['labels', 'loading'])
def test_a_run_stops(tmp_path: Path, lost: str) -> None:
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadMultiTaskAnnotations'),
        dict(type='PackMultiTaskInputs'),
    ]
    if lost == 'loading':
        del pipeline[1]
    config = Config(
        dict(
            default_scope='mmmtl',
            work_dir=str(tmp_path / 'work'),
            model=dict(
                type='MultiTaskSegmentor',
                data_preprocessor=dict(type='MultiTaskDataPreprocessor'),
                backbone=swin(),
                decode_head=dict(
                    type='PerTaskHeads',
                    in_channels=[8, 16, 32, 64],
                    tasks=head_tasks(('depth', 'edge')),
                ),
            ),
            train_dataloader=dict(
                batch_size=2,
                num_workers=0,
                sampler=dict(type='InfiniteSampler', shuffle=True),
                dataset=dict(
                    type='FolderDataset',
                    data_root=str(write(tmp_path)),
                    split='all',
                    splits=dict(all='all.txt'),
                    tasks=['depth', 'edge'],
                    image='rgb/{}.png',
                    labels=dict(
                        depth='depth/{}.npy',
                        edge=dict(path='edge/{}.npy', no_label=255),
                    ),
                    pipeline=pipeline,
                ),
            ),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=3),
            optim_wrapper=dict(
                type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01)
            ),
        )
    )
    runner = build_runner(config)
    text = 'loads no labels' if lost == 'loading' else r"label of \['edge'\]"
    with pytest.raises(UserError, match=text):
        runner.train()
    assert runner.iter == 0
