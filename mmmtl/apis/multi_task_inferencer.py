"""Runs a model on pictures: maps in real units, pages to look at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.utils import ProgressBar

from mmmtl.apis.init_model import init_model
from mmmtl.apis.outputs import (
    Output,
    Result,
    check_out_dir,
    check_targets,
    choose_tasks,
    into_gallery,
)
from mmmtl.apis.pictures import (
    Picture,
    PictureInput,
    PicturePipeline,
    collect_pictures,
    is_single,
)
from mmmtl.apis.point_clouds import Cloud
from mmmtl.apis.resume import RunRecord, describe_run
from mmmtl.apis.soft_maps import SoftMaps, batch_of, predict_soft
from mmmtl.apis.stabiliser import Stabiliser, predict_steady
from mmmtl.apis.tiles import Tiling, predict_tiles
from mmmtl.errors import UserError
from mmmtl.geometry.point_cloud import Lens
from mmmtl.io.folders import check_out
from mmmtl.structures import MultiTaskDataSample
from mmmtl.visualization import (
    MultiTaskVisualizer,
)


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
        gallery: str | Path | None = None,
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
                tile=tile,
                tile_overlap=tile_overlap,
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
        tile: int | Sequence[int] | None = None,
        tile_overlap: int | None = None,
        point_cloud: Lens | None = None,
        far: float | None = None,
        resume: bool = False,
        share: tuple[int, int] = (0, 1),
        gallery: str | Path | None = None,
        on_broken: Callable[[ValueError], None] | None = None,
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
            gallery: Write one page for all pictures to this file, which is
                there after the last one.
            on_broken: Called with the error of each picture that cannot be
                read, which names it; the others go on. Raised if None.

        Returns:
            The results in the order of the pictures, each computed when it
            is asked for. Wrong arguments are refused at once.

        Raises:
            UserError: ``out_dir`` is to be resumed, and comes from another
                run; the text names what differs. Or there is a gallery, and
                not all pictures are predicted here.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}: give 1 or more')
        names = choose_tasks(self.model.tasks, tasks)
        tiling = self.tiling(tile, tile_overlap)
        pictures = collect_pictures(inputs)
        folder = check_out_dir(out_dir, save_maps=save_maps)
        check_targets(pictures, folder)
        cloud = None
        if point_cloud is not None:
            cloud = Cloud.of(names, point_cloud, far)
        output = Output(names, folder, save_maps, show, tiling, cloud)
        record = None
        if folder is not None:
            run = describe_run(self.model, output.settings)
            record = RunRecord(
                folder, run=run, pictures=pictures, shared=share[1] > 1
            )
        own = pictures[share[0] :: share[1]]
        if gallery is not None and (resume or share[1] > 1):
            raise UserError(
                f'gallery {gallery}: it would hold the pictures of this '
                'process and run only; make it without resume, in one process'
            )
        if resume:
            own = _unfinished(own, record, output)
        bar = None
        if own and share[0] == 0 and not is_single(inputs):
            bar = ProgressBar(len(own), file=sys.stderr)
        readable: Iterable[Picture] = own
        if on_broken is not None:
            readable = self._readable(own, on_broken, bar)
        results = self._stream(readable, batch_size, output, record, bar)
        if gallery is None:
            return results
        check_out('gallery', gallery, '.html')
        return into_gallery(results, gallery, self.model.dataset_meta)

    def _readable(
        self,
        pictures: Iterable[Picture],
        on_broken: Callable[[ValueError], None],
        bar: ProgressBar | None,
    ) -> Iterator[Picture]:
        for picture in pictures:
            try:
                array = self.pipeline.read(picture)
            except ValueError as error:
                on_broken(error)
                if bar is not None:
                    bar.update()
            else:
                yield replace(picture, array=array)

    def _stream(
        self,
        pictures: Iterable[Picture],
        batch_size: int,
        output: Output,
        record: RunRecord | None,
        bar: ProgressBar | None,
    ) -> Iterator[Result]:
        for picture, image, sample in self.predict_each(
            pictures,
            output.tasks,
            batch_size=batch_size,
            tiling=output.tiling,
        ):
            result = Result.of(picture, image, sample, output.tasks)
            if record is not None:
                record.claim()
            output.write(result, self.visualizer)
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
        if tile is None and overlap is not None:
            raise UserError(f'tile_overlap={overlap} is of tiles: give tile')
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
            found = predict_soft(self.model, loaded)
            return [{t: soft[t] for t in tasks} for _, soft in found]

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
            samples = self.model.test_step(batch_of(loaded))
        triples = zip(pictures, loaded, samples, strict=True)
        for picture, item, sample in triples:
            yield picture, item['image'], sample.cpu()


def _unfinished(
    pictures: Sequence[Picture], record: RunRecord | None, output: Output
) -> list[Picture]:
    if record is None:
        raise UserError('resume needs the out_dir of the earlier run')
    done = record.resume(output.files)
    return [picture for picture in pictures if picture.name not in done]
