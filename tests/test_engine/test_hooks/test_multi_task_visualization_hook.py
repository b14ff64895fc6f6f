from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch.utils.data import DataLoader

from mmmtl.engine.hooks import MultiTaskVisualizationHook
from mmmtl.engine.hooks import multi_task_visualization_hook as module
from mmmtl.structures import MultiTaskDataSample
from mmmtl.visualization import MultiTaskVisualizer

H, W = 24, 128


class Echo(BaseModel):
    """Predicts the label."""

    def forward(
        self, inputs: list, data_samples: list, mode: str
    ) -> list[MultiTaskDataSample]:
        for sample in data_samples:
            sample.set_pred('depth', sample.get_gt('depth'))
        return data_samples


class Nothing(BaseMetric):
    """A metric that the loop needs to have."""

    def process(self, data_batch: dict, data_samples: list) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict:
        return {'number': len(results)}


@pytest.fixture
def samples(tmp_path: Path) -> list[dict]:
    """Five images, the i-th of BGR colour (0, 9, 40 i), at depth i + 1."""
    folder = tmp_path / 'images'
    folder.mkdir()
    made = []
    for index in range(5):
        path = folder / f'{index}.png'
        cv2.imwrite(
            str(path), np.full((H, W, 3), (0, 9, 40 * index), np.uint8)
        )
        sample = MultiTaskDataSample(
            metainfo=dict(img_path=str(path), sample_id=f'scene/{index}')
        )
        sample.set_gt('depth', torch.full((1, H, W), index + 1.0))
        made.append(dict(inputs=torch.zeros(3, H, W), data_samples=sample))
    return made


def run_validation(
    hook: MultiTaskVisualizationHook, samples: list, work_dir: Path
) -> Runner:
    runner = Runner(
        Echo(),
        str(work_dir),
        val_dataloader=DataLoader(
            samples, batch_size=2, collate_fn=pseudo_collate
        ),
        val_evaluator=Evaluator(Nothing(prefix='count')),
        val_cfg=dict(),
        custom_hooks=[hook],
        visualizer=dict(
            type=MultiTaskVisualizer,
            vis_backends=[dict(type='LocalVisBackend')],
        ),
        default_scope='mmmtl',
        experiment_name=work_dir.name,
    )
    runner.val()
    return runner


def pages(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob('*_0.png'))


def test_a_run_leaves_the_chosen_samples_in_its_vis_data(
    samples: list, tmp_path: Path
) -> None:
    hook = MultiTaskVisualizationHook(interval=2)
    runner = run_validation(hook, samples, tmp_path / 'run')
    folder = Path(runner.log_dir) / 'vis_data' / 'vis_image'
    # Samples 0, 2, 4 of batches of two; ids are freed of their folder.
    assert pages(folder) == [f'val_scene_{i}_0.png' for i in (0, 2, 4)]
    page = cv2.imread(str(folder / 'val_scene_2_0.png'))[..., ::-1]
    sample = samples[2]['data_samples']
    sample.set_pred('depth', sample.get_gt('depth'))
    image = np.full((H, W, 3), (80, 9, 0), np.uint8)
    assert (page == runner.visualizer.draw(image, sample)).all()


def test_every_validation_shows_the_same_samples(
    samples: list, tmp_path: Path
) -> None:
    hook = MultiTaskVisualizationHook(
        interval=2, max_samples=2, out_dir=tmp_path / 'out'
    )
    runner = run_validation(hook, samples, tmp_path / 'run')
    first = pages(tmp_path / 'out')
    assert first == ['val_scene_0_0.png', 'val_scene_2_0.png']
    for path in (tmp_path / 'out').iterdir():
        path.unlink()
    runner.val_loop.run()
    assert pages(tmp_path / 'out') == first
    # Files instead of the back ends.
    assert pages(Path(runner.log_dir)) == []


def test_the_test_loop_names_its_pages_test(
    samples: list, tmp_path: Path
) -> None:
    hook = MultiTaskVisualizationHook(interval=1, out_dir=tmp_path)
    runner = SimpleNamespace(visualizer=MultiTaskVisualizer('t'), iter=3)
    hook.before_test_epoch(runner)
    hook.after_test_iter(runner, 0, None, [samples[1]['data_samples']])
    assert [p.name for p in tmp_path.glob('*.png')] == ['test_scene_1_3.png']


def test_switched_off_it_draws_nothing(samples: list, tmp_path: Path) -> None:
    hook = MultiTaskVisualizationHook(draw=False, out_dir=tmp_path / 'out')
    run_validation(hook, samples, tmp_path / 'run')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('rank', [0, 1])
@pytest.mark.parametrize('to_files', [True, False])
def test_processes_share_the_samples_and_only_files_come_from_all(
    samples: list,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rank: int,
    to_files: bool,
) -> None:
    monkeypatch.setattr(module, 'get_rank', lambda: rank)
    monkeypatch.setattr(module, 'get_world_size', lambda: 2)
    drawn = []
    visualizer = SimpleNamespace(
        add_datasample=lambda name, *_, **options: drawn.append(
            (name, options['out_file'])
        )
    )
    runner = SimpleNamespace(visualizer=visualizer, iter=0)
    hook = MultiTaskVisualizationHook(
        interval=3, out_dir=tmp_path if to_files else None
    )
    # Process r of 2 is dealt the samples r, r + 2, ...
    for number in range(rank, 5, 2):
        hook.after_val_iter(runner, 0, None, [samples[number]['data_samples']])
    # Of 0 and 3 the former is process 0's, the latter process 1's.
    name = f'val_scene_{3 * rank}'
    if to_files:
        assert drawn == [(name, tmp_path / f'{name}_0.png')]
    else:
        assert drawn == ([(name, None)] if rank == 0 else [])


def test_another_visualizer_is_refused() -> None:
    hook = MultiTaskVisualizationHook()
    runner = SimpleNamespace(visualizer=Visualizer('other'))
    with pytest.raises(ValueError, match='found Visualizer'):
        hook.before_run(runner)
