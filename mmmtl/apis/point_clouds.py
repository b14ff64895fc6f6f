"""Depth predictions as coloured point clouds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmmtl.errors import UserError
from mmmtl.geometry.point_cloud import Lens, points_of_depth
from mmmtl.io.ply import write_ply
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task
from mmmtl.tasks.kinds import Depth, Normals


@dataclass(frozen=True)
class Cloud:
    """How predictions become a point cloud.

    Attributes:
        depth: Name of the task.
        normals: Name of the task, None if the model has none.
        lens: The camera.
        far: Metres; farther points are left out, none if None.
    """

    depth: str
    normals: str | None
    lens: Lens
    far: float | None = None

    @classmethod
    def of(
        cls, tasks: Sequence[str], lens: Lens, far: float | None = None
    ) -> Cloud:
        """Choose the tasks: the first of each kind.

        Args:
            tasks: Tasks that are predicted.
            lens: The camera.
            far: Metres.

        Raises:
            UserError: None of the tasks is depth, or nothing is that near.
        """
        if far is not None and not far > 0:
            raise UserError(f'far={far}: give metres, above 0')
        depth = [t for t in tasks if isinstance(get_task(t).kind, Depth)]
        normals = [t for t in tasks if isinstance(get_task(t).kind, Normals)]
        if not depth:
            raise UserError(
                f'a point cloud needs depth, and the tasks are {list(tasks)}'
            )
        return cls(depth[0], normals[0] if normals else None, lens, far)

    def write(
        self, path: Path, image: np.ndarray, sample: MultiTaskDataSample
    ) -> None:
        """Write the points of a picture; pixels without a depth are left out.

        Args:
            path: The ``.ply`` file.
            image: ``(H, W, 3)`` uint8 BGR.
            sample: Its predictions.
        """
        depth = sample.get_pred(self.depth).float().numpy()[0]
        shown = np.isfinite(depth) & (depth > 0)
        if self.far is not None:
            shown &= depth <= self.far
        camera = self.lens.camera(*depth.shape)
        normals = None
        if self.normals is not None:
            vectors = sample.get_pred(self.normals).float().numpy()
            normals = vectors[:, shown].T
        write_ply(
            path,
            points_of_depth(depth, camera)[shown],
            image[shown][:, ::-1],
            normals,
            comments=[
                'metres in the camera frame: x right, y down, z forward',
                f'camera: {self.lens}: fx={camera.fx:.6g} fy={camera.fy:.6g} '
                f'cx={camera.cx:.6g} cy={camera.cy:.6g}',
            ],
        )
