"""From depth to points in space.

Convention:
    Points are metres in the camera frame: x right, y down, z forward, the
    camera at the origin. Depth is along z, not along the ray.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mmmtl.errors import UserError
from mmmtl.geometry.normals import Intrinsics

#: Degrees. That of NYU Depth v2 has 63; phones, held level, some more.
ASSUMED_FOV = 60.0


@dataclass(frozen=True)
class Lens:
    """What is known about the camera of pictures.

    Examples:
        >>> str(Lens(fov=69))
        'horizontal field of view of 69 degrees, as given'

    Attributes:
        intrinsics: fx, fy, cx, cy in pixels of the picture as it is read.
        fov: Horizontal field of view in degrees, where there are none;
            :data:`ASSUMED_FOV` if None.
    """

    intrinsics: tuple[float, float, float, float] | None = None
    fov: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no camera has."""
        if self.intrinsics is not None and self.fov is not None:
            raise UserError('intrinsics and fov: give one of the two')
        given = self.intrinsics or (1.0, 1.0, 0.0, 0.0)
        if not all(map(math.isfinite, given)) or min(given[:2]) <= 0:
            raise UserError(
                f'intrinsics={self.intrinsics}: give fx fy cx cy in pixels, '
                'fx and fy above 0'
            )
        if self.fov is not None and not 0 < self.fov < 180:
            raise UserError(f'fov={self.fov}: give degrees, 0 to 180')

    def camera(self, height: int, width: int) -> Intrinsics:
        """Return the camera of a picture of this size."""
        if self.intrinsics is not None:
            return Intrinsics(*self.intrinsics)
        half = math.radians(self.fov or ASSUMED_FOV) / 2
        return Intrinsics.centred(width / 2 / math.tan(half), height, width)

    def __str__(self) -> str:
        """Say what is known, and what is assumed."""
        if self.intrinsics is not None:
            return 'intrinsics as given'
        how = 'assumed' if self.fov is None else 'as given'
        degrees = self.fov or ASSUMED_FOV
        return f'horizontal field of view of {degrees:g} degrees, {how}'


def points_of_depth(depth: np.ndarray, camera: Intrinsics) -> np.ndarray:
    """Return where each pixel is in space.

    Args:
        depth: ``(H, W)`` metres along z.
        camera: The camera of this very picture.

    Returns:
        ``(H, W, 3)`` float32 metres.
    """
    height, width = depth.shape
    x = (np.arange(width, dtype=np.float32) - camera.cx) / camera.fx
    y = (np.arange(height, dtype=np.float32) - camera.cy) / camera.fy
    rays = [*np.meshgrid(x, y), np.ones_like(depth)]
    return (np.stack(rays, -1) * depth[..., None]).astype(np.float32)
