"""Pinhole cameras, in pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Intrinsics:
    """Where a point of the camera frame lands in the picture.

    Convention:
        A point ``(x, y, z)``, x right, y down, z forward, falls on column
        ``fx x / z + cx`` and row ``fy y / z + cy``; the centre of the first
        pixel is (0, 0).

    Attributes:
        fx: Focal length along the rows, pixels.
        fy: Focal length along the columns, pixels.
        cx: Column of the principal point.
        cy: Row of the principal point.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    def cropped(self, top: int, left: int) -> Intrinsics:
        """Return the camera of a crop.

        Args:
            top: First row of the crop.
            left: First column of the crop.
        """
        return replace(self, cx=self.cx - left, cy=self.cy - top)

    @classmethod
    def centred(cls, focal: float, height: int, width: int) -> Intrinsics:
        """Return a camera with square pixels that looks at the middle.

        Args:
            focal: Focal length, pixels.
            height: Rows of the picture.
            width: Columns of the picture.
        """
        return cls(focal, focal, (width - 1) / 2, (height - 1) / 2)


#: The colour camera of NYU Depth v2 at 480x640, as calibrated by its authors.
NYUD_COLOUR = Intrinsics(fx=518.858, fy=519.470, cx=325.582, cy=253.736)
