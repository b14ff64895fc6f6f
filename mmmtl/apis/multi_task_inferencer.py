"""Runs a model on pictures: maps in real units, pages to look at."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
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
from mmmtl.apis.point_clouds import Cloud
from mmmtl.apis.resume import RunRecord, describe_run
from mmmtl.apis.stabiliser import Stabiliser, predict_steady
from mmmtl.apis.tiles import SoftMaps, Tiling, predict_tiles
from mmmtl.errors import UserError
from mmmtl.geometry.point_cloud import Lens
from mmmtl.io.folders import new_file
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS, check_tasks, get_task
from mmmtl.visualization import MultiTaskVisualizer, write_picture

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
        tile: int | Sequence[int] | None = None,
        tile_overlap: int | None = None,
    ) -> Any:
        """Predict on all pictures and keep the results in memory.

        Args:
            inputs: A file, a URL, a folder, a pattern such as
                ``'photos/**/*.jpg'``, a BGR array, a picture of Pillow's,
                or a list of these.
            batch_size: Pictures per forward pass; smaller ones of a batch
                are padded to the largest; near the padding, predictions may
                change a little.
            out_dir: Write a page per picture into this folder.
            save_maps: Write the maps there as well.
            show: Open a window per picture.
            return_datasamples: Return data samples instead of maps.
            tasks: Tasks to return, all if None.
            tile: Predict larger pictures tile by tile (``batch_size`` of
                them at a time): side of a tile in pixels, or its height and
                width. A tile is a picture of its own to the model.
            tile_overlap: Pixels by which tiles overlap at least, and over
                which they blend; an eighth of a tile if None.

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
                tile=tile,
                tile_overlap=tile_overlap,
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
        tile: int | Sequence[int] | None = None,
        tile_overlap: int | None = None,
        point_cloud: Lens | None = None,
        far: float | None = None,
        resume: bool = False,
        share: tuple[int, int] = (0, 1),
    ) -> Iterator[Result]:
        """Predict picture by picture, however many there are.

        Args:
            inputs: As when the object is called, and so are the others.
            batch_size: Pictures per forward pass.
            out_dir: Write a page per picture into this folder.
            save_maps: Write the maps there as well.
            show: Open a window per picture.
            tasks: Tasks to return, all if None.
            tile: Side of a tile, or its height and width.
            tile_overlap: Pixels.
            point_cloud: Write a coloured point cloud per picture, too, seen
                by this camera.
            far: Metres; farther points are left out of it.
            resume: Leave out pictures whose files in ``out_dir`` are
                complete and come from this very run, as ``predict.json``
                there says (:mod:`mmmtl.apis.resume`).
            share: Number of this process, and how many processes share the
                pictures: each takes its part, under the names of the whole.

        Returns:
            The results in the order of the pictures, each computed when it
            is asked for. Wrong arguments are refused at once.

        Raises:
            UserError: ``out_dir`` is to be resumed, and comes from another
                run; the text names what differs.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}: give 1 or more')
        names = choose_tasks(self.model.tasks, tasks)
        tiling = self.tiling(tile, tile_overlap)
        pictures = collect_pictures(inputs)
        folder = check_out_dir(out_dir, save_maps=save_maps)
        _check_targets(pictures, folder)
        cloud = point_cloud and Cloud.of(names, point_cloud, far)
        output = _Output(names, folder, save_maps, show, tiling, cloud)
        record = None
        if folder is not None:
            run = describe_run(self.model, output.settings)
            record = RunRecord(folder, run, pictures)
        own = pictures[share[0] :: share[1]]
        if resume:
            own = _unfinished(own, record, output)
            record = None  # it stands
        bar = None
        if own and share[0] == 0 and not is_single(inputs):
            bar = ProgressBar(len(own), file=sys.stderr)
        return self._stream(own, batch_size, output, record, bar)

    def _stream(
        self,
        pictures: Sequence[Picture],
        batch_size: int,
        output: _Output,
        record: RunRecord | None,
        bar: ProgressBar | None,
    ) -> Iterator[Result]:
        for picture, image, sample in self.predict_each(
            pictures,
            output.tasks,
            batch_size=batch_size,
            tiling=output.tiling,
        ):
            result = _result_of(picture, sample, output.tasks)
            if record is not None:
                record.write()  # before the first page, after its errors
                record = None
            self._write(result, image, output)
            if bar is not None:
                bar.update()
            yield result
        if bar is not None:
            print(file=sys.stderr)  # the bar leaves its line open

    def tiling(
        self, tile: int | Sequence[int] | None, overlap: int | None
    ) -> Tiling | None:
        """Return how pictures are cut, None if they are not.

        Args:
            tile: As when the object is called.
            overlap: The same.

        Raises:
            UserError: There are no such tiles, or the model has none.
        """
        if tile is not None and not hasattr(self.model, 'predict_soft'):
            raise UserError(
                f'tile={tile}: {type(self.model).__name__} has no '
                'predict_soft, whose values tiles are blended by: leave tile '
                'out'
            )
        return None if tile is None else Tiling.of(tile, overlap)

    def predict_each(
        self,
        pictures: Iterable[Picture],
        tasks: Sequence[str],
        *,
        batch_size: int = 1,
        tiling: Tiling | None = None,
        stabiliser: Stabiliser | None = None,
    ) -> Iterator[tuple[Picture, np.ndarray, MultiTaskDataSample]]:
        """Predict pictures as they come, frames of a video, say.

        Args:
            pictures: Of any number.
            tasks: Tasks that are needed.
            batch_size: Pictures, or tiles, per forward pass.
            tiling: From :meth:`tiling`.
            stabiliser: The pictures are frames of one video, to be steadied:
                one per forward pass, and not tiled.

        Yields:
            Each picture, its pixels, and its predictions.
        """
        if stabiliser is not None:
            for picture in pictures:
                item = self.pipeline(picture)
                sample = predict_steady(self.model, item, stabiliser, tasks)
                yield picture, item['image'], sample.cpu()
            return
        if tiling is not None:
            for picture in pictures:
                yield self._predict_tiled(picture, tasks, tiling, batch_size)
            return
        rest = iter(pictures)
        while batch := list(islice(rest, batch_size)):
            yield from self._predict(batch)

    def _predict_tiled(
        self,
        picture: Picture,
        tasks: Sequence[str],
        tiling: Tiling,
        batch_size: int,
    ) -> tuple[Picture, np.ndarray, MultiTaskDataSample]:
        image = self.pipeline.read(picture)
        known = replace(picture, array=image)
        if tiling.fits(image):
            return next(self._predict([known]))

        def predict(tiles: Sequence[np.ndarray]) -> list[SoftMaps]:
            loaded = [
                self.pipeline(replace(known, array=tile)) for tile in tiles
            ]
            data = self.model.data_preprocessor(_batch_of(loaded), False)
            with torch.no_grad():
                found = self.model.predict_soft(**data)
            return [{t: maps[t] for t in tasks} for maps in found]

        sample = MultiTaskDataSample(
            metainfo=dict(
                img_path=str(picture.path or picture.name),
                sample_id=picture.name,
                img_shape=image.shape[:2],
                ori_shape=image.shape[:2],
            )
        )
        maps = predict_tiles(predict, image, tiling, batch_size=batch_size)
        for task, prediction in maps.items():
            sample.set_pred(task, prediction)
        return picture, image, sample

    def _predict(
        self, pictures: Sequence[Picture]
    ) -> Iterator[tuple[Picture, np.ndarray, MultiTaskDataSample]]:
        loaded = [self.pipeline(picture) for picture in pictures]
        with torch.no_grad():
            samples = self.model.test_step(_batch_of(loaded))
        triples = zip(pictures, loaded, samples, strict=True)
        for picture, item, sample in triples:
            yield picture, item['image'], sample.cpu()

    def _write(
        self, result: Result, image: np.ndarray, output: _Output
    ) -> None:
        if output.folder is None and not output.show:
            return
        if output.folder is not None and output.cloud is not None:
            path = cloud_path(output.folder, result.name)
            output.cloud.write(path, image, result.data_sample)
        # A page shows no more of a large picture, yet would paint all of it.
        step = max(max(image.shape) // (2 * self.visualizer.max_side), 1)
        sample = result.data_sample
        if output.tiling is not None and step > 1:
            image, sample = image[::step, ::step], _thinned(sample, step)
        page = self.visualizer.draw(
            np.ascontiguousarray(image[..., ::-1]),
            sample,
            draw_gt=False,
            tasks=output.tasks,
        )
        if output.show:
            self.visualizer.show(page, win_name=result.name)
        if output.folder is None:
            return
        write_picture(page_path(output.folder, result.name), page)
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
    """

    name: str
    maps: Maps
    data_sample: MultiTaskDataSample


@dataclass(frozen=True)
class _Output:
    tasks: tuple[str, ...]
    folder: Path | None
    save_maps: bool
    show: bool
    tiling: Tiling | None = None
    cloud: Cloud | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What changes the results."""
        tiling = None if self.tiling is None else asdict(self.tiling)
        cloud = None if self.cloud is None else asdict(self.cloud)
        return {'tasks': self.tasks, 'tiles': tiling, 'cloud': cloud}

    def files(self, name: str) -> list[Path]:
        """Return all files that a picture gets."""
        assert self.folder is not None
        maps = self.tasks if self.save_maps else ()
        return [
            page_path(self.folder, name),
            *(map_path(self.folder, task, name) for task in maps),
            *([cloud_path(self.folder, name)] if self.cloud else ()),
        ]


def _batch_of(loaded: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {
        key: [item[key] for item in loaded]
        for key in ('inputs', 'data_samples')
    }


def _thinned(sample: MultiTaskDataSample, step: int) -> MultiTaskDataSample:
    """Return every so many pixels of the predictions."""
    thin = MultiTaskDataSample()
    for task in (task for task in TASKS if sample.has_pred(task)):
        thin.set_pred(task, sample.get_pred(task)[:, ::step, ::step])
    return thin


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
        target = page_path(folder, picture.name).resolve()
        if target in own:
            raise ValueError(
                f'out_dir {folder}: the page of {picture.name} would replace '
                f'the picture {target}; choose another folder'
            )


def _unfinished(
    pictures: Sequence[Picture], record: RunRecord | None, output: _Output
) -> list[Picture]:
    if record is None:
        raise UserError('resume needs the out_dir of the earlier run')
    done = record.resume(output.files)
    return [picture for picture in pictures if picture.name not in done]


def _result_of(
    picture: Picture, sample: MultiTaskDataSample, tasks: Sequence[str]
) -> Result:
    return Result(picture.name, maps_of(sample, tasks), sample)


def maps_of(sample: MultiTaskDataSample, tasks: Sequence[str]) -> Maps:
    """Return the predictions of a sample as :attr:`Result.maps`."""
    maps = {}
    for task in tasks:
        values = sample.get_pred(task)
        # numpy has no bfloat16, and half precision helps nobody here.
        values = values.float() if values.is_floating_point() else values
        array = values.numpy()
        maps[task] = array[0] if len(array) == 1 else array.transpose(1, 2, 0)
    return maps


def page_path(folder: Path, name: str) -> Path:
    """Return the file of a page."""
    return folder / f'{name}.png'


def cloud_path(folder: Path, name: str) -> Path:
    """Return the file of a point cloud."""
    return folder / f'{name}.ply'


def map_path(folder: Path, task: str, name: str) -> Path:
    """Return the file of a map; see :func:`save_map`."""
    is_float = get_task(task).kind.pred_dtype.is_floating_point
    return folder / 'maps' / task / f'{name}{".npy" if is_float else ".png"}'


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
    path = map_path(folder, task, name)
    if path.suffix == '.npy':
        content = io.BytesIO()  # into a file, numpy hides that a disk is full
        np.save(content, values.astype(np.float32, copy=False))
        with new_file(path) as partial:
            partial.write_bytes(content.getbuffer())
        return path
    with new_file(path) as partial:
        _, content = cv2.imencode('.png', values.astype(np.uint8))
        partial.write_bytes(content.tobytes())
    return path
