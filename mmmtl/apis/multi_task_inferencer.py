"""Runs a model on pictures: maps in real units, pages to look at."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.utils import ProgressBar

from mmmtl.apis.init_model import init_model
from mmmtl.apis.pictures import (
    Picture,
    PictureInput,
    PicturePipeline,
    collect_pictures,
    is_single,
)
from mmmtl.io.folders import check_out, new_file
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import check_tasks, get_task
from mmmtl.visualization import (
    MultiTaskVisualizer,
    new_gallery,
    write_picture,
)

Maps = dict[str, np.ndarray]


class MultiTaskInferencer:
    """Predicts every task of a model on pictures.

    Convention:
        Arrays that are handed in are BGR, as mmcv and OpenCV read them.
        Maps that come back have the picture's own size. By the kind of the
        task: ``classes`` give ``(H, W)`` int64 class ids, ``depth``
        ``(H, W)`` float32 metres along the optical axis (z, not the length
        of the ray), ``normals`` ``(H, W, 3)`` float32 unit vectors with x
        right, y down, z forward, ``binary`` ``(H, W)`` float32
        probabilities, ``scalar`` ``(H, W)`` float32 values in the task's
        unit.

    Examples:
        >>> inferencer = MultiTaskInferencer('config.py', 'weights.pth')
        >>> maps = inferencer('room.png', out_dir='pages')
        >>> maps['depth'].shape
        (425, 560)
    """

    def __init__(
        self,
        config: str | Path | Config,
        weights: str | Path | None = None,
        *,
        device: str | torch.device | None = None,
        cfg_options: dict[str, Any] | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        """Build the model and the pipeline.

        Args:
            config: A config file, or a config; or the name of a model with
                its weights (:mod:`mmmtl.engine.named_models`).
            weights: Path or URL of a checkpoint; None leaves them random,
                or takes those of the name.
            device: Where the model runs; a GPU if there is one, if None.
            cfg_options: Changes to the config, by dotted key.
            trust_remote_code: Run what the config of a name asks for.
        """
        if device is None:
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
        self.model = init_model(
            config,
            weights,
            device,
            cfg_options,
            trust_remote_code=trust_remote_code,
        )
        self.pipeline = PicturePipeline(self.model.cfg)
        self.visualizer = MultiTaskVisualizer('inferencer')
        self.visualizer.dataset_meta = self.model.dataset_meta

    def __call__(
        self,
        inputs: PictureInput | Sequence[PictureInput],
        *,
        batch_size: int = 1,
        out_dir: str | Path | None = None,
        save_maps: bool = False,
        show: bool = False,
        return_datasamples: bool = False,
        tasks: Sequence[str] | None = None,
        gallery: str | Path | None = None,
    ) -> Any:
        """Predict on all pictures and keep the results in memory.

        Args:
            inputs: A file, a URL, a folder, a BGR array, a picture of
                Pillow's, or a list of these.
            batch_size: Pictures per forward pass; smaller ones of a batch
                are padded to the largest; near the padding, predictions may
                change a little.
            out_dir: Write a page per picture into this folder.
            save_maps: Write the maps there as well.
            show: Open a window per picture.
            return_datasamples: Return data samples instead of maps.
            tasks: Tasks to return, all if None.
            gallery: Write one page for all pictures to this file, ``.html``;
                see :func:`mmmtl.visualization.new_gallery`.

        Returns:
            ``{task: map}`` for one picture, a list of these for a
            folder or list; data samples if asked for.

        Raises:
            ValueError: If an input is no picture, or an option is wrong.
            FileNotFoundError: If a path does not exist.
        """
        results = [
            result.data_sample if return_datasamples else result.maps
            for result in self.stream(
                inputs,
                batch_size=batch_size,
                out_dir=out_dir,
                save_maps=save_maps,
                show=show,
                tasks=tasks,
                gallery=gallery,
            )
        ]
        return results[0] if is_single(inputs) else results

    def stream(
        self,
        inputs: PictureInput | Sequence[PictureInput],
        *,
        batch_size: int = 1,
        out_dir: str | Path | None = None,
        save_maps: bool = False,
        show: bool = False,
        tasks: Sequence[str] | None = None,
        gallery: str | Path | None = None,
    ) -> Iterator[Result]:
        """Predict picture by picture, however many there are.

        Args:
            inputs: As when the object is called, and so are the others.
            batch_size: Pictures per forward pass.
            out_dir: Write a page per picture into this folder.
            save_maps: Write the maps there as well.
            show: Open a window per picture.
            tasks: Tasks to return, all if None.
            gallery: Write one page for all pictures to this file, which is
                there after the last one.

        Returns:
            The results in the order of the pictures, each computed when it
            is asked for. Wrong arguments are refused at once.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}: give 1 or more')
        names = choose_tasks(self.model.tasks, tasks)
        pictures = collect_pictures(inputs)
        folder = check_out_dir(out_dir, save_maps=save_maps)
        _check_targets(pictures, folder)
        bar = None
        if not is_single(inputs):
            bar = ProgressBar(len(pictures), file=sys.stderr)
        options = _Output(names, folder, save_maps, show)
        results = self._stream(pictures, batch_size, options, bar)
        if gallery is None:
            return results
        check_out('gallery', gallery, '.html')
        return _into_gallery(results, gallery, self.model.dataset_meta)

    def _stream(
        self,
        pictures: Sequence[Picture],
        batch_size: int,
        output: _Output,
        bar: ProgressBar | None,
    ) -> Iterator[Result]:
        for start in range(0, len(pictures), batch_size):
            batch = pictures[start : start + batch_size]
            for picture, image, sample in self._predict(batch):
                result = _result_of(picture, image, sample, output.tasks)
                self._write(result, output)
                if bar is not None:
                    bar.update()
                yield result
        if bar is not None:
            print(file=sys.stderr)  # the bar leaves its line open

    def _predict(
        self, pictures: Sequence[Picture]
    ) -> Iterator[tuple[Picture, np.ndarray, MultiTaskDataSample]]:
        loaded = [self.pipeline(picture) for picture in pictures]
        data = {
            key: [item[key] for item in loaded]
            for key in ('inputs', 'data_samples')
        }
        with torch.no_grad():
            samples = self.model.test_step(data)
        triples = zip(pictures, loaded, samples, strict=True)
        for picture, item, sample in triples:
            yield picture, item['image'], sample.cpu()

    def _write(self, result: Result, output: _Output) -> None:
        if output.folder is None and not output.show:
            return
        page = self.visualizer.draw(
            np.ascontiguousarray(result.image[..., ::-1]),
            result.data_sample,
            draw_gt=False,
            tasks=output.tasks,
        )
        if output.show:
            self.visualizer.show(page, win_name=result.name)
        if output.folder is None:
            return
        write_picture(output.folder / f'{result.name}.png', page)
        if output.save_maps:
            for task, values in result.maps.items():
                save_map(output.folder, task, result.name, values)


@dataclass(frozen=True)
class Result:
    """What was predicted for one picture.

    Attributes:
        name: Name of the picture, and of its files.
        maps: Per task the map, see :class:`MultiTaskInferencer`.
        data_sample: The same as tensors ``(C, H, W)``.
        image: The picture as it was read, ``(H, W, 3)`` uint8 BGR.
    """

    name: str
    maps: Maps
    data_sample: MultiTaskDataSample
    image: np.ndarray


@dataclass(frozen=True)
class _Output:
    tasks: tuple[str, ...]
    folder: Path | None
    save_maps: bool
    show: bool


def choose_tasks(
    own: Sequence[str], wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the tasks of a model that are asked for, all if None.

    Raises:
        ValueError: If the model has not such a task.
    """
    names = own if wanted is None else check_tasks(wanted)
    absent = [name for name in names if name not in own]
    if absent:
        raise ValueError(
            f'this model does not predict {absent}; its tasks are {list(own)}'
        )
    return tuple(names)


def check_out_dir(
    out_dir: str | Path | None, *, save_maps: bool
) -> Path | None:
    """Refuse an output folder before the first picture is predicted.

    Args:
        out_dir: The folder; made when it is needed.
        save_maps: Maps are to be written.

    Returns:
        The folder.

    Raises:
        ValueError: If there is none to write to.
    """
    if out_dir is None:
        if save_maps:
            raise ValueError('save_maps needs an out_dir to write to')
        return None
    return Path(out_dir).expanduser()


def _check_targets(pictures: Sequence[Picture], folder: Path | None) -> None:
    """Refuse an output folder in which a page would replace an input."""
    if folder is None:
        return
    own = {p.path.resolve() for p in pictures if p.path is not None}
    for picture in pictures:
        target = (folder / f'{picture.name}.png').resolve()
        if target in own:
            raise ValueError(
                f'out_dir {folder}: the page of {picture.name} would replace '
                f'the picture {target}; choose another folder'
            )


def _into_gallery(
    results: Iterable[Result],
    path: str | Path,
    meta: Mapping[str, Any] | None,
) -> Iterator[Result]:
    with new_gallery(Path(path).expanduser()) as gallery:
        for result in results:
            gallery.add(
                result.name, result.image, result.maps, dataset_meta=meta
            )
            yield result


def _result_of(
    picture: Picture,
    image: np.ndarray,
    sample: MultiTaskDataSample,
    tasks: Sequence[str],
) -> Result:
    maps = {}
    for task in tasks:
        values = sample.get_pred(task)
        # numpy has no bfloat16, and half precision helps nobody here.
        values = values.float() if values.is_floating_point() else values
        array = values.numpy()
        maps[task] = array[0] if len(array) == 1 else array.transpose(1, 2, 0)
    return Result(picture.name, maps, sample, image)


def save_map(folder: Path, task: str, name: str, values: np.ndarray) -> Path:
    """Write one map.

    Args:
        folder: The output folder; the map goes to ``maps/<task>`` in it.
        task: Task name.
        name: Name of the picture.
        values: ``(H, W)`` or ``(H, W, 3)``. Class ids become a grey 8 bit
            PNG, all else a float32 ``.npy``.

    Returns:
        The file.
    """
    suffix, content = encode_map(task, values)
    path = folder / 'maps' / task / f'{name}{suffix}'
    with new_file(path) as partial:
        partial.write_bytes(content)
    return path


def encode_map(task: str, values: np.ndarray) -> tuple[str, bytes]:
    """Return one map as a file.

    Args:
        task: Task name.
        values: See :func:`save_map`.

    Returns:
        How the name of the file ends, and what it holds.
    """
    if get_task(task).kind.pred_dtype.is_floating_point:
        content = io.BytesIO()  # into a file, numpy hides that a disk is full
        np.save(content, values.astype(np.float32))
        return '.npy', content.getvalue()
    _, code = cv2.imencode('.png', values.astype(np.uint8))
    return '.png', code.tobytes()
