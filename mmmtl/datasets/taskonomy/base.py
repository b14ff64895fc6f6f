"""What Taskonomy, Replica and CocoDoom have in common as data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.sample_files import FolderListing
from mmmtl.datasets.taskonomy import encodings
from mmmtl.datasets.taskonomy.layout import (
    LAYOUTS,
    check_id,
    pattern,
    read_with_holes,
)
from mmmtl.errors import did_you_mean

HeatMapScale = Literal['taskonomy', 'multimae', 'full']
HoleSource = Literal['depth_zbuffer', 'mask_valid', 'mask_valid_multimae']

# Folder, and the domain in file names, of the picture that knows the holes;
# MultiMAE's copy of the masks keeps the name of the depth they came from.
_HOLES = {
    'depth_zbuffer': ('depth_zbuffer', 'depth_zbuffer'),
    'mask_valid': ('mask_valid', 'mask_valid'),
    'mask_valid_multimae': ('mask_valid', 'depth_zbuffer'),
}


def label_table(
    semseg: Callable[[Callable[..., str]], LabelFile],
    *,
    component: str,
    layout: str = 'omnidata',
    depth_scale: float = 512.0,
    heat_map_scale: HeatMapScale = 'taskonomy',
    holes: HoleSource = 'depth_zbuffer',
    hole_margin: int = 0,
) -> dict[str, LabelFile]:
    """Return the rows of the six tasks.

    Args:
        semseg: From the function that makes patterns of domains to the row
            of the class ids.
        component: Name of the data set within a collection.
        layout: Key of ``LAYOUTS``.
        depth_scale: Stored steps per metre.
        heat_map_scale: Key of ``HEAT_MAP_SCALES``.
        holes: Where the holes of reshading come from.
        hole_margin: Pixels by which holes are widened.
    """
    place = partial(pattern, layout, component)
    full = encodings.HEAT_MAP_SCALES[heat_map_scale]
    reshading, mask = place('reshading'), place(*_HOLES[holes])
    return {
        'semseg': semseg(place),
        'depth': LabelFile(
            place('depth_zbuffer'),
            partial(
                encodings.decode_depth, scale=depth_scale, margin=hole_margin
            ),
        ),
        'normals': LabelFile(
            place('normal'),
            partial(encodings.decode_normals, margin=hole_margin),
        ),
        'reshading': LabelFile(
            reshading,
            partial(encodings.decode_reshading, margin=hole_margin),
            read=partial(read_with_holes, own=reshading, holes=mask),
            also=(mask,),
        ),
        'keypoints2d': LabelFile(
            place('keypoints2d'),
            partial(encodings.decode_heat_map, full=full['keypoints2d']),
        ),
        'edges2d': LabelFile(
            place('edge_texture'),
            partial(encodings.decode_heat_map, full=full['edges2d']),
        ),
    }


class TaskonomyLayoutDataset(BaseMultiTaskDataset):
    """Views of buildings with one picture per domain.

    A concrete data set gives ``METAINFO``, ``COMPONENT``, ``DEPTH_SCALE``,
    ``SEMSEG``, ``HINT`` and, for the tables of class and base class, what
    :func:`label_table` makes of them.

    Convention:
        Depth is along the optical axis, in metres. Normals are in the frame
        of :class:`mmmtl.structures.TaskSpec`, as stored. Holes of the
        scanned mesh have no depth, normal or reshading; 2D key points and 2D
        edges are computed from the photo and hold everywhere. A missing
        file of class ids, or an unreadable one of some bytes, means that the
        view is not labelled.
    """

    #: Name of the data set within a collection such as Omnidata's.
    COMPONENT: ClassVar[str]
    #: Stored steps of depth per metre.
    DEPTH_SCALE: ClassVar[float]
    #: From the function that makes patterns of domains to the semseg row.
    SEMSEG: ClassVar[Callable[[Callable[..., str]], LabelFile]]

    def __init__(
        self,
        data_root: str | Path,
        *,
        split: str,
        tasks: Sequence[str],
        pipeline: Sequence[dict | Callable],
        layout: str = 'omnidata',
        split_root: str | Path | None = None,
        depth_scale: float | None = None,
        heat_map_scale: HeatMapScale = 'taskonomy',
        holes: HoleSource = 'depth_zbuffer',
        hole_margin: int = 0,
        metainfo: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
        allow_missing_labels: bool = False,
    ) -> None:
        """Check the arguments and, unless lazy, that every file is there.

        Args:
            data_root: The data folder.
            split: Which list of samples, e.g. ``'train'``: the file
                ``<split>.txt`` in ``split_root``.
            tasks: See the base class.
            pipeline: See the base class.
            layout: How the files are arranged, a key of
                :data:`mmmtl.datasets.taskonomy.layout.LAYOUTS`.
            split_root: Folder of the lists; None for ``splits`` in the data
                folder.
            depth_scale: Stored steps per metre; None for the data set's own.
                It differs between releases: 512, and 4096 in some of
                Omnidata's components.
            heat_map_scale: Which stored value of key points and edges becomes
                1, a key of
                :data:`mmmtl.datasets.taskonomy.encodings.HEAT_MAP_SCALES`.
                Losses and metrics of different scales are not comparable.
            holes: Which domain says where reshading has no value.
            hole_margin: Pixels by which holes are widened; 2 is the 5x5 of
                Omnidata's code.
            metainfo: See the base class.
            indices: See the base class.
            serialize_data: See the base class.
            lazy_init: See the base class.
            allow_missing_labels: See the base class.

        Raises:
            DatasetError: If a folder or file is missing.
            ValueError: If an argument is out of its range.
        """
        _check_choice('layout', layout, LAYOUTS)
        _check_choice('holes', holes, get_args(HoleSource))
        _check_choice(
            'heat_map_scale', heat_map_scale, encodings.HEAT_MAP_SCALES
        )
        if depth_scale is not None and not depth_scale > 0:
            raise ValueError(
                f'depth_scale={depth_scale}: give stored steps per metre, '
                'such as 512'
            )
        if not (isinstance(hole_margin, int) and hole_margin >= 0):
            raise ValueError(f'hole_margin={hole_margin!r}: give pixels >= 0')
        self.layout = layout
        self.split_root = split_root
        self.IMAGE = pattern(layout, self.COMPONENT, 'rgb')
        self.LABEL_FILES = label_table(
            type(self).SEMSEG,
            component=self.COMPONENT,
            layout=layout,
            depth_scale=depth_scale or self.DEPTH_SCALE,
            heat_map_scale=heat_map_scale,
            holes=holes,
            hole_margin=hole_margin,
        )
        super().__init__(
            data_root,
            split=split,
            tasks=tasks,
            pipeline=pipeline,
            metainfo=metainfo,
            indices=indices,
            serialize_data=serialize_data,
            lazy_init=lazy_init,
            allow_missing_labels=allow_missing_labels,
        )

    def split_file(self, split: str) -> str:
        """See the base class."""
        if self.split_root is None:
            return f'splits/{split}.txt'
        # Joined to the data folder, an absolute path stays what it is.
        return str(Path(self.split_root).absolute() / f'{split}.txt')

    def _sample(self, present: FolderListing, sample_id: str) -> dict:
        source = Path(self.data_root) / self.split_file(self.split)
        return super()._sample(
            present, check_id(sample_id, self.layout, source)
        )


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f'{name}={value!r}: {did_you_mean(value, choices)}')
