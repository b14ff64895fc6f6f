"""A model on video: a page per frame, written as a video."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from glob import glob
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.apis.outputs import choose_tasks, cloud_path, maps_of, save_map
from mmmtl.apis.pictures import Picture
from mmmtl.apis.point_clouds import Cloud
from mmmtl.apis.stabiliser import Stabiliser
from mmmtl.apis.tiles import Tiling
from mmmtl.errors import UserError
from mmmtl.geometry.point_cloud import Lens
from mmmtl.io.video import is_camera, is_video, new_video, open_video
from mmmtl.io.workers import progress
from mmmtl.structures import MultiTaskDataSample
from mmmtl.visualization import display_range

Range = tuple[float, float]


class RunningRanges:
    """The ends of the colours of each task, which follow a video slowly.

    Convention:
        The first frame's are taken as they are; then each frame moves the
        ends by ``1 / rate`` of the difference to its own: after a second
        they have gone 63 % of the way.
    """

    def __init__(self, rate: float) -> None:
        """Start without any.

        Args:
            rate: Frames per second.
        """
        self._share = min(1 / rate, 1.0)
        self._ends: dict[str, Range] = {}

    def follow(
        self, sample: MultiTaskDataSample, tasks: Sequence[str]
    ) -> dict[str, Range]:
        """Return the ranges to paint a frame with; fixed colours have none.

        Args:
            sample: With the frame's predictions.
            tasks: Tasks to paint.
        """
        for task in tasks:
            found = display_range(task, sample.get_pred(task).float().numpy())
            if found is not None:
                low, high = (
                    old + self._share * (new - old)
                    for old, new in zip(
                        self._ends.get(task, found), found, strict=True
                    )
                )
                self._ends[task] = low, high
        return dict(self._ends)


def part_videos(sources: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part videos from pictures, before any model is opened.

    Args:
        sources: What a user names: files, cameras, and patterns of videos,
            such as ``'clips/*.mp4'``, which are expanded; all else is taken
            for pictures.

    Returns:
        Videos, each of which gives a frame, and the rest.

    Raises:
        UserError: A video is not there, or damaged.
    """
    videos: list[str] = []
    for source in filter(is_video, sources):
        is_there = is_camera(source) or Path(source).exists()
        found = [] if is_there else sorted(glob(source, recursive=True))
        videos += found or [source]
    for source in videos:
        if not is_camera(source):
            with open_video(source) as video:
                next(video.frames)
    return videos, [item for item in sources if not is_video(item)]


def predict_video(
    inferencer: MultiTaskInferencer,
    source: str | Path,
    *,
    out_dir: str | Path,
    name: str | None = None,
    batch_size: int = 1,
    tasks: Sequence[str] | None = None,
    save_maps: bool = False,
    show: bool = False,
    max_frames: int | None = None,
    stabilise: float = 0.0,
    tile: int | Sequence[int] | None = None,
    tile_overlap: int | None = None,
    point_cloud: Lens | None = None,
    far: float | None = None,
) -> int:
    """Predict every frame of a video, and write the pages as one.

    Args:
        inferencer: The model.
        source: A video file, or ``camera:0``.
        out_dir: Folder of the video ``NAME.mp4``, of the same rate.
        name: Name of the result; that of the file if None, ``camera_0`` of a
            camera.
        batch_size: Frames, or tiles, per forward pass.
        tasks: Tasks to show, all if None.
        save_maps: Write the maps too, as those of pictures that are called
            ``NAME_000000``, ``NAME_000001``, ...
        show: Show the pages in a window; its key q ends the video there.
        max_frames: Stop after so many.
        stabilise: Strength of the :class:`Stabiliser`, 0 (off) to below 1;
            frames are then predicted one by one.
        tile: See :class:`MultiTaskInferencer`.
        tile_overlap: The same.
        point_cloud: Write a point cloud per frame, seen by this camera.
        far: Metres; farther points are left out of it.

    Returns:
        The number of frames.

    Raises:
        UserError: The video cannot be read or written, or the model or the
            other options allow no stabiliser.
    """
    if batch_size < 1 or (max_frames is not None and max_frames < 1):
        raise UserError(
            f'batch_size={batch_size}, max_frames={max_frames}: give 1 or more'
        )
    camera = is_camera(source)
    name = name or Path(str(source).replace(':', '_')).stem
    target = Path(out_dir).expanduser() / f'{name}.mp4'
    if not camera and target.resolve() == Path(source).resolve():
        raise UserError(
            f'out_dir {out_dir}: {target} would replace the input; choose '
            'another folder'
        )
    names = choose_tasks(inferencer.model.tasks, tasks)
    cloud = None
    if point_cloud is not None:
        cloud = Cloud.of(names, point_cloud, far)
    tiling = inferencer.tiling(tile, tile_overlap)
    stabiliser = _stabiliser(inferencer, stabilise, tiling)
    with open_video(source) as video, new_video(target, video.rate) as write:
        pictures = (
            Picture(f'{name}_{number:06d}', array=frame)
            for number, frame in enumerate(islice(video.frames, max_frames))
        )
        ranges = RunningRanges(video.rate)
        expected = min(video.length or 0, max_frames or video.length or 0)
        count = 0
        # Ctrl-C is how a camera ends.
        ending = suppress(KeyboardInterrupt) if camera else nullcontext()
        with progress(name, expected or None) as advance, ending:
            for picture, image, sample in inferencer.predict_each(
                pictures,
                names,
                batch_size=batch_size,
                tiling=tiling,
                stabiliser=stabiliser,
            ):
                page = inferencer.visualizer.draw(
                    np.ascontiguousarray(image[..., ::-1]),
                    sample,
                    draw_gt=False,
                    tasks=names,
                    ranges=ranges.follow(sample, names),
                )
                write(page)
                for task, values in maps_of(sample, names).items():
                    if save_maps:
                        save_map(target.parent, task, picture.name, values)
                if cloud is not None:
                    path = cloud_path(target.parent, picture.name)
                    cloud.write(path, image, sample)
                count += 1
                advance()
                if show and not show_frame(name, page):
                    break
            else:
                _warn_of_a_gap(source, count, expected)
    return count


def _stabiliser(
    inferencer: MultiTaskInferencer, strength: float, tiling: Tiling | None
) -> Stabiliser | None:
    if not 0 <= strength < 1:
        raise UserError(f'stabilise={strength}: give 0 (off) or more, below 1')
    if not strength:
        return None
    if tiling is not None:
        raise UserError(
            f'stabilise={strength} and tiles: give one of the two, as a '
            'tiled picture is decoded row by row'
        )
    if not hasattr(inferencer.model, 'predict_soft'):
        raise UserError(
            f'stabilise={strength}: {type(inferencer.model).__name__} has no '
            'predict_soft, whose values are averaged: leave it out'
        )
    return Stabiliser(strength)


def show_frame(name: str, page: np.ndarray) -> bool:
    """Show a page, and tell whether to go on: q ends.

    Args:
        name: Title of the window.
        page: ``(H, W, 3)`` uint8 RGB.
    """
    cv2.imshow(name, page[..., ::-1])
    return cv2.waitKey(1) & 0xFF != ord('q')


def _warn_of_a_gap(source: str | Path, count: int, expected: int) -> None:
    """Say so where a video ends before its end; counts may be estimates."""
    if count < 0.9 * expected:
        print(
            f'{source}: {count} of {expected} frames could be read; the '
            'file may be damaged',
        )
