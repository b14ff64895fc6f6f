"""What is made of predictions: maps, pages, point clouds, a gallery."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmmtl.apis.pictures import Picture
from mmmtl.apis.point_clouds import Cloud
from mmmtl.apis.tiles import Tiling
from mmmtl.io.folders import new_file
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS, check_tasks, get_task
from mmmtl.visualization import (
    MultiTaskVisualizer,
    new_gallery,
    write_picture,
)

Maps = dict[str, np.ndarray]


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

    @classmethod
    def of(
        cls,
        picture: Picture,
        image: np.ndarray,
        sample: MultiTaskDataSample,
        tasks: Sequence[str],
    ) -> Result:
        """Take the maps of some tasks out of a data sample."""
        return cls(picture.name, maps_of(sample, tasks), sample, image)


@dataclass(frozen=True)
class Output:
    """What is written and shown of each picture.

    Attributes:
        tasks: Whose.
        folder: Where to; nothing is written if None.
        save_maps: Write the maps, too.
        show: Open a window with the page.
        tiling: How the pictures are cut.
        cloud: Write point clouds, too.
    """

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

    def write(self, result: Result, visualizer: MultiTaskVisualizer) -> None:
        """Write and show a result.

        Args:
            result: Of one picture.
            visualizer: Draws its page.
        """
        folder = self.folder
        if folder is None and not self.show:
            return
        if folder is not None and self.cloud is not None:
            path = cloud_path(folder, result.name)
            self.cloud.write(path, result.image, result.data_sample)
        image, sample = result.image, result.data_sample
        # A page shows no more of a large picture, yet would paint all of it.
        step = max(max(image.shape) // (2 * visualizer.max_side), 1)
        if self.tiling is not None and step > 1:
            image, sample = image[::step, ::step], _thinned(sample, step)
        page = visualizer.draw(
            np.ascontiguousarray(image[..., ::-1]),
            sample,
            draw_gt=False,
            tasks=self.tasks,
        )
        if self.show:
            visualizer.show(page, win_name=result.name)
        if folder is None:
            return
        write_picture(page_path(folder, result.name), page)
        if self.save_maps:
            for task, values in result.maps.items():
                save_map(folder, task, result.name, values)


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


def check_targets(pictures: Sequence[Picture], folder: Path | None) -> None:
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


def into_gallery(
    results: Iterable[Result],
    path: str | Path,
    meta: Mapping[str, Any] | None,
) -> Iterator[Result]:
    """Write results as one page while they come.

    Args:
        results: In their order.
        path: The page.
        meta: Class lists and palettes of the tasks.

    Yields:
        The results.
    """
    with new_gallery(Path(path).expanduser()) as gallery:
        for result in results:
            gallery.add(
                result.name, result.image, result.maps, dataset_meta=meta
            )
            yield result


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
    return folder / 'maps' / task / f'{name}{map_suffix(task)}'


def map_suffix(task: str) -> str:
    """Return how the name of a map's file ends."""
    return '.png' if get_task(task).kind.has_classes else '.npy'


def save_map(folder: Path, task: str, name: str, values: np.ndarray) -> Path:
    """Write one map.

    Args:
        folder: The output folder; the map goes to ``maps/<task>`` in it.
        task: Task name.
        name: Name of the picture.
        values: ``(H, W)`` or ``(H, W, C)``. Class ids become a grey 8 bit
            PNG, all else a ``.npy``: float32, or whole numbers as they are.

    Returns:
        The file.
    """
    path = map_path(folder, task, name)
    with new_file(path) as partial:
        partial.write_bytes(encode_map(task, values))
    return path


def encode_map(task: str, values: np.ndarray) -> bytes:
    """Return what the file of a map holds.

    Args:
        task: Task name.
        values: See :func:`save_map`.
    """
    if map_suffix(task) == '.npy':
        content = io.BytesIO()  # into a file, numpy hides that a disk is full
        if values.dtype.kind == 'f':
            values = values.astype(np.float32, copy=False)
        np.save(content, values)
        return content.getvalue()
    _, code = cv2.imencode('.png', values.astype(np.uint8))
    return code.tobytes()


def _thinned(sample: MultiTaskDataSample, step: int) -> MultiTaskDataSample:
    """Return every so many pixels of the predictions."""
    thin = MultiTaskDataSample()
    for task in (task for task in TASKS if sample.has_pred(task)):
        thin.set_pred(task, sample.get_pred(task)[:, ::step, ::step])
    return thin
