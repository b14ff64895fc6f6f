"""Draws predictions while a model is validated or tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.dist import get_rank, get_world_size
from mmengine.fileio import get
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmmtl.registry import HOOKS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.visualization import MultiTaskVisualizer


@HOOKS.register_module()
class MultiTaskVisualizationHook(Hook):
    """Writes a page per chosen sample: image, labels and predictions.

    Convention:
        Samples are counted in the order of the data set, over all processes
        of a run; number 0, ``interval``, 2 * ``interval`` and so on are
        drawn, so that every validation shows the same samples. Without
        ``out_dir`` the pages go to the runner's visualizer, whose local back
        end writes them into ``vis_data/vis_image`` of the run's folder; only
        the main process has back ends, so only its samples are drawn. With
        ``out_dir`` each process writes the files of its own samples.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        *,
        draw: bool = True,
        interval: int = 50,
        max_samples: int | None = None,
        out_dir: str | Path | None = None,
        show: bool = False,
        wait_time: float = 0,
        backend_args: dict | None = None,
    ) -> None:
        """Store the settings.

        Args:
            draw: False switches the hook off.
            interval: Every so many samples one is drawn.
            max_samples: At most this many in a validation, per process; no
                limit if None.
            out_dir: Folder of the files ``<val|test>_<sample>_<step>.png``.
            show: Open a window per page as well.
            wait_time: Seconds until a window closes; 0 waits for a key.
            backend_args: mmengine's file client that reads the images.
        """
        self.draw = draw
        self.interval = interval
        self.max_samples = max_samples
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.show = show
        self.wait_time = wait_time
        self.backend_args = backend_args
        self._seen = 0  # samples of this process in this validation
        self._drawn = 0

    def before_run(self, runner: Runner) -> None:
        """Refuse a visualizer that does not know the tasks.

        Raises:
            ValueError: If the runner's visualizer is another one.
        """
        if self.draw and not isinstance(
            runner.visualizer, MultiTaskVisualizer
        ):
            raise ValueError(
                'MultiTaskVisualizationHook needs visualizer=dict('
                "type='MultiTaskVisualizer'), found "
                f'{type(runner.visualizer).__name__}'
            )

    def before_val_epoch(self, runner: Runner) -> None:
        """Start to count anew."""
        self._seen = self._drawn = 0

    def before_test_epoch(self, runner: Runner) -> None:
        """Start to count anew."""
        self._seen = self._drawn = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[MultiTaskDataSample] | None = None,
    ) -> None:
        """Draw the chosen samples of a batch: labels and predictions."""
        self._draw_chosen(runner, 'val', outputs or ())

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[MultiTaskDataSample] | None = None,
    ) -> None:
        """Draw the chosen samples of a batch: labels and predictions."""
        self._draw_chosen(runner, 'test', outputs or ())

    def _draw_chosen(
        self,
        runner: Runner,
        mode: str,
        samples: Sequence[MultiTaskDataSample],
    ) -> None:
        if not self.draw:
            return
        rank, world = get_rank(), get_world_size()
        for sample in samples:
            # mmengine deals the samples out to the processes in turn.
            number = self._seen * world + rank
            self._seen += 1
            full = self._drawn == self.max_samples
            if full or number % self.interval or (rank and not self.out_dir):
                continue
            self._drawn += 1
            self._draw(runner, mode, sample)

    def _draw(
        self, runner: Runner, mode: str, sample: MultiTaskDataSample
    ) -> None:
        name = f'{mode}_{_file_stem(sample)}'
        out_file = None
        if self.out_dir is not None:
            out_file = self.out_dir / f'{name}_{runner.iter}.png'
        runner.visualizer.add_datasample(
            name,
            self._read_image(sample.metainfo['img_path']),
            sample,
            show=self.show,
            wait_time=self.wait_time,
            out_file=out_file,
            step=runner.iter,
        )

    def _read_image(self, path: str) -> np.ndarray:
        content = get(path, backend_args=self.backend_args)
        return mmcv.imfrombytes(content, channel_order='rgb')


def _file_stem(sample: MultiTaskDataSample) -> str:
    """Return a name without folders: ids may be paths below the data root."""
    name = sample.metainfo.get('sample_id')
    if name is None:
        name = Path(sample.metainfo['img_path']).stem
    return str(name).replace('/', '_')
