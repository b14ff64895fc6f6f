"""The visualizer: a data sample's page goes to a file or to the back ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.visualization import Visualizer

from mmmtl.io.folders import new_file
from mmmtl.registry import VISUALIZERS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.visualization.picture_grid import draw_grid
from mmmtl.visualization.sample_page import cells_of_sample


@VISUALIZERS.register_module()
class MultiTaskVisualizer(Visualizer):
    """Draws an image with the labels and predictions of all its tasks.

    The runner gives it the data set's metainfo (``dataset_meta``); colours
    and names of the classes come from there. Drawing is numpy and OpenCV
    only, hence the same bytes on every machine with the same OpenCV.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        *,
        vis_backends: Sequence[Any] | dict | None = None,
        save_dir: str | None = None,
        max_side: int = 640,
    ) -> None:
        """Store the settings.

        Args:
            name: mmengine's name of this instance.
            vis_backends: mmengine back ends, for instance
                ``[dict(type='LocalVisBackend')]``.
            save_dir: Folder in which back ends make their ``vis_data``.
            max_side: Pictures with a longer side, in pixels, are scaled
                down to it.
        """
        super().__init__(name, vis_backends=vis_backends, save_dir=save_dir)
        self.max_side = max_side

    @property
    def dataset_meta(self) -> dict | None:
        """Metainfo of the data set; known to every process of a run.

        mmengine keeps it in the main process only, but each process may
        write files.
        """
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict | None) -> None:
        self._dataset_meta = dataset_meta

    def draw(
        self,
        image: np.ndarray,
        data_sample: MultiTaskDataSample,
        *,
        draw_gt: bool = True,
        draw_pred: bool = True,
        tasks: Sequence[str] | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> np.ndarray:
        """Return the page of a sample.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.
            data_sample: Labels and predictions at the size of the image.
            draw_gt: Draw the labels.
            draw_pred: Draw the predictions.
            tasks: Tasks to draw, in this order; all if None.
            ranges: Values at the two ends of the colours of a task; its own
                where there is none. Given those, pages of a video hold
                still.

        Returns:
            ``(height, width, 3)`` uint8 RGB.
        """
        rows = cells_of_sample(
            image,
            data_sample,
            dataset_meta=self.dataset_meta,
            draw_gt=draw_gt,
            draw_pred=draw_pred,
            tasks=tasks,
            ranges=ranges,
        )
        return draw_grid(rows, max_side=self.max_side)

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: MultiTaskDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | Path | None = None,
        step: int = 0,
    ) -> None:
        """Draw a sample and write its page.

        Args:
            name: Name of the page in the back ends and of its window.
            image: ``(H, W, 3)`` uint8 RGB.
            data_sample: Labels and predictions at the size of the image.
            draw_gt: Draw the labels.
            draw_pred: Draw the predictions.
            show: Open a window.
            wait_time: Seconds until the window closes; 0 waits for a key.
            out_file: Write to this file, in any process, instead of to the
                back ends, which only the main process has.
            step: Iteration under which back ends file the page.
        """
        page = self.draw(
            image,
            MultiTaskDataSample() if data_sample is None else data_sample,
            draw_gt=draw_gt,
            draw_pred=draw_pred,
        )
        if show:
            self.show(page, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_picture(out_file, page)
        else:
            self.add_image(name, page, step)


def write_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write a picture, making its folder if needed.

    Args:
        path: A file; its suffix says the format.
        picture: ``(H, W, 3)`` uint8 RGB.

    Raises:
        ValueError: If OpenCV cannot write this format.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    try:
        done, code = cv2.imencode(path.suffix, picture[..., ::-1])
    except cv2.error:
        done, code = False, np.empty(0)
    if not done:
        raise ValueError(
            f'cannot write {path}: no picture format is called '
            f'{path.suffix!r}; use .png or .jpg'
        )
    with new_file(path) as partial:
        partial.write_bytes(code.tobytes())
