"""Taskonomy, and Replica and CocoDoom in its layout.

A view has one picture per domain. In the arrangement of the official download
tool (``layout`` names others, see :mod:`mmmtl.datasets.taskonomy.layout`)::

    <domain>/taskonomy/<building>/point_P_view_V_domain_<domain>.png
    splits/train.txt, ...   one <building>/point_P_view_V per line

Domains: ``rgb``; ``segment_semantic`` (``segmentsemantic`` in file names),
8 bits, 0 uncertain, 1 background, 2..17 objects; ``depth_zbuffer``, 16 bits,
512 per metre, 65535 a hole; ``normal``, RGB, 2 v / 255 - 1, (128, 128, 128)
a hole; ``reshading``, grey; ``keypoints2d`` and ``edge_texture``, 16 bits.
``tools/dataset_converters/taskonomy.py`` makes the lists from the published
tables of buildings.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.sample_files import FolderListing
from mmmtl.datasets.taskonomy import encodings
from mmmtl.datasets.taskonomy.classes import (
    CLASSES,
    PALETTE,
    REPLICA_CLASSES,
    REPLICA_PALETTE,
)
from mmmtl.datasets.taskonomy.layout import (
    LAYOUTS,
    check_id,
    pattern,
    read_with_holes,
)
from mmmtl.errors import did_you_mean
from mmmtl.registry import DATASETS

HeatMapScale = Literal['taskonomy', 'multimae', 'full']
HoleSource = Literal['depth_zbuffer', 'mask_valid', 'mask_valid_multimae']

# Folder, and the domain in file names, of the picture that knows the holes;
# MultiMAE's copy of the masks keeps the name of the depth they came from.
_HOLES = {
    'depth_zbuffer': ('depth_zbuffer', 'depth_zbuffer'),
    'mask_valid': ('mask_valid', 'mask_valid'),
    'mask_valid_multimae': ('mask_valid', 'depth_zbuffer'),
}


class TaskonomyLayoutDataset(BaseMultiTaskDataset):
    """Views of buildings with one picture per domain.

    A concrete data set gives ``METAINFO``, ``COMPONENT``, ``DEPTH_SCALE``,
    ``HINT`` and :meth:`semseg_file`.

    Convention:
        Depth is along the optical axis, in metres. Normals are in the frame
        of :class:`mmmtl.tasks.kinds.Normals`, as stored. Holes of the scanned
        mesh have no depth, normal or reshading; 2D key points and 2D edges
        are computed from the photo and hold everywhere.
    """

    #: Name of the data set within a collection such as Omnidata's.
    COMPONENT: ClassVar[str]
    #: Stored steps of depth per metre.
    DEPTH_SCALE: ClassVar[float]

    def __init__(
        self,
        data_root: str | Path,
        *,
        split: str,
        tasks: Sequence[str] | None,
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
        """Store the options and, unless lazy, look for every file.

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
            ValueError: If there is no such layout, scale or source of holes.
        """
        for value, known in (
            (layout, LAYOUTS),
            (heat_map_scale, encodings.HEAT_MAP_SCALES),
            (holes, _HOLES),
        ):
            if value not in known:
                raise ValueError(f'{value!r}: {did_you_mean(value, known)}')
        self.layout = layout
        self.split_root = split_root
        self.depth_scale = (
            self.DEPTH_SCALE if depth_scale is None else depth_scale
        )
        self.heat_map_scale = heat_map_scale
        self.holes = holes
        self.hole_margin = hole_margin
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

    @abstractmethod
    def semseg_file(self) -> LabelFile:
        """Return how class ids are stored."""

    def place(self, domain: str, name: str | None = None) -> str:
        """Return the pattern of a domain's files.

        Args:
            domain: Folder of the domain.
            name: The domain in file names, if it differs from the folder.
        """
        return pattern(self.layout, self.COMPONENT, domain, name)

    def image_pattern(self) -> str:
        """See the base class."""
        return self.place('rgb')

    def label_table(self) -> dict[str, LabelFile]:
        """See the base class."""
        full = encodings.HEAT_MAP_SCALES[self.heat_map_scale]
        margin = self.hole_margin
        reshading = self.place('reshading')
        mask = self.place(*_HOLES[self.holes])
        decode_depth = partial(
            encodings.decode_depth, scale=self.depth_scale, margin=margin
        )
        return {
            'semseg': self.semseg_file(),
            'depth': LabelFile(self.place('depth_zbuffer'), decode_depth),
            'normals': LabelFile(
                self.place('normal'),
                partial(encodings.decode_normals, margin=margin),
            ),
            'reshading': LabelFile(
                reshading,
                partial(encodings.decode_reshading, margin=margin),
                read=partial(read_with_holes, own=reshading, holes=mask),
                also=(mask,),
            ),
            'keypoints2d': LabelFile(
                self.place('keypoints2d'),
                partial(encodings.decode_heat_map, full=full['keypoints2d']),
            ),
            'edges2d': LabelFile(
                self.place('edge_texture'),
                partial(encodings.decode_heat_map, full=full['edges2d']),
            ),
        }

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


@DATASETS.register_module()
class TaskonomyDataset(TaskonomyLayoutDataset):
    """Taskonomy: half a thousand scanned buildings, millions of views.

    A missing file of class ids, or an unreadable one of some bytes, means
    that the view is not labelled. For other classes give
    ``metainfo=dict(classes=..., palette=...)``; they are stored as 1, 2, ...
    with 0 for unlabelled.
    """

    METAINFO = dict(dataset_name='taskonomy', classes=CLASSES, palette=PALETTE)
    COMPONENT = 'taskonomy'
    DEPTH_SCALE = 512.0
    HINT = (
        'the layout is <domain>/taskonomy/<building>/'
        'point_P_view_V_domain_<domain>.png (or give layout=...), and '
        'splits/<split>.txt, which '
        '`python tools/dataset_converters/taskonomy.py` makes; '
        '`python tools/dataset_converters/rooms.py OUT --layout taskonomy` '
        'writes a rendered one'
    )

    def semseg_file(self) -> LabelFile:
        """See the base class; some releases name files like the folder."""
        return LabelFile(
            self.place('segment_semantic', 'segmentsemantic'),
            encodings.decode_semantic,
            first_id=1,
            fallback=self.place('segment_semantic'),
            optional=True,
        )


@DATASETS.register_module()
class ReplicaDataset(TaskonomyLayoutDataset):
    """Replica, 18 reconstructed scenes, as annotated for Omnidata.

    Scenes stand for buildings. Class ids are in ``semantic``, RGB: red is the
    class (0 undefined, 255 none), green and blue the instance; a view may
    lack them.

    Depth: 512 per metre is what the documentation says, and released views
    need 4096 as well; ``tools/dataset_converters/taskonomy.py`` tells which.
    Give ``depth_scale`` where it is not 512.
    """

    METAINFO = dict(
        dataset_name='replica',
        classes=REPLICA_CLASSES,
        palette=REPLICA_PALETTE,
    )
    COMPONENT = 'replica'
    DEPTH_SCALE = 512.0
    HINT = (
        'the layout is <domain>/replica/<scene>/'
        'point_P_view_V_domain_<domain>.png (or give layout=...), and '
        'splits/<split>.txt, which '
        '`python tools/dataset_converters/taskonomy.py --dataset replica` '
        'makes'
    )

    def semseg_file(self) -> LabelFile:
        """See the class."""
        return LabelFile(
            self.place('semantic'),
            encodings.decode_panoptic,
            first_id=1,
            optional=True,
        )


@DATASETS.register_module()
class CocoDoomDataset(TaskonomyLayoutDataset):
    """CocoDoom, three recorded plays of a game.

    ``tools/dataset_converters/cocodoom.py`` writes it: the game's levels are
    the buildings (``run1_map01``), its tics the points. Depth is the game's,
    along the optical axis; a map unit is taken for 1/32 m, so that a player
    of 56 units is 1.75 m tall. Normals, reshading, key points and edges are
    not part of the download: the script derives them, and says how.

    The classes are those of the download's lists: the script writes their
    names to ``classes.txt``, one per line, and
    ``metainfo=dict(classes=...)`` takes them. Class 0, stored as 1, is all
    that is no object.
    """

    METAINFO = dict(dataset_name='cocodoom')
    COMPONENT = 'cocodoom'
    #: 64 steps per map unit, 32 map units per metre.
    DEPTH_SCALE = 2048.0
    HINT = (
        '`python tools/dataset_converters/cocodoom.py DOWNLOAD OUT` makes '
        'the layout from the full archive'
    )

    def semseg_file(self) -> LabelFile:
        """See the base class."""
        return LabelFile(
            self.place('segment_semantic', 'segmentsemantic'),
            encodings.decode_semantic,
            first_id=1,
        )
