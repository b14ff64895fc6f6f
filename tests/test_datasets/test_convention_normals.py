"""In which frame each archive stores normals, on surfaces written by hand.

A level camera in a room. Our frame is x right, y down, z forward; what is
seen points to the camera. So the floor is (0, -1, 0), the ceiling (0, 1, 0),
the wall on the left, which faces right, (1, 0, 0), and the far wall
(0, 0, -1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmmtl.datasets import (
    BaseMultiTaskDataset,
    NYUDMTDataset,
    NYUDv2Dataset,
    PascalContextMTDataset,
    TaskonomyDataset,
)
from mmmtl.datasets.nyud import encodings as nyud
from mmmtl.datasets.pascal import encodings as pascal_encodings
from mmmtl.datasets.stored_normals import vectors_of_bytes
from mmmtl.datasets.taskonomy import encodings as taskonomy_encodings
from mmmtl.visualization.painters import paint

SURFACES = ('floor', 'ceiling', 'left wall', 'far wall')
OURS = np.float32([[0, -1, 0], [0, 1, 0], [1, 0, 0], [0, 0, -1]])
# NYUD and PASCAL: x left, y up, z towards the camera. The floor points up,
# the ceiling down; the wall on the left points right, which is not left.
ARCHIVE_BYTES = np.uint8(
    [[127, 255, 128], [127, 0, 128], [0, 127, 128], [127, 128, 255]]
)
# Taskonomy, Omnidata: x right, y down, z forward.
TASKONOMY_BYTES = np.uint8(
    [[127, 0, 128], [127, 255, 128], [255, 127, 128], [127, 128, 0]]
)
ARCHIVE_VALUES = np.float32([[0, 1, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1]])
# floor, ceiling, wall, wall
CONTEXT_CLASSES = np.uint16([158, 68, 440, 440])


def pascal(stored: np.ndarray) -> np.ndarray:
    return pascal_encodings.decode_distilled_normals(
        (stored, CONTEXT_CLASSES[None])
    )


@pytest.mark.parametrize(
    ('decode', 'stored', 'kind'),
    [
        (nyud.decode_normals, ARCHIVE_BYTES, NYUDv2Dataset),
        (nyud.decode_float_normals, ARCHIVE_VALUES, NYUDMTDataset),
        (pascal, ARCHIVE_BYTES, PascalContextMTDataset),
        (
            taskonomy_encodings.decode_normals,
            TASKONOMY_BYTES,
            TaskonomyDataset,
        ),
    ],
    ids=['NYUDv2', 'NYUD_MT', 'PASCAL-Context', 'Taskonomy'],
)
def test_convention_surfaces_of_a_room(
    decode: Callable[[np.ndarray], np.ndarray],
    stored: np.ndarray,
    kind: type[BaseMultiTaskDataset],
) -> None:
    found = decode(stored[None])[0]
    # No byte is 0: half a step of 2 / 255.
    for name, vector, wanted in zip(SURFACES, found, OURS, strict=True):
        np.testing.assert_allclose(
            vector, wanted, rtol=0, atol=1.01 / 255, err_msg=name
        )
    # Reports name the frame that the data set says it is stored in.
    options = dict(split='train', tasks=None, pipeline=[], lazy_init=True)
    axes = kind('nowhere', **options).label_files['normals'].axes
    values = stored if stored.dtype == np.float32 else stored / 127.5 - 1
    for channel, (component, sign) in enumerate(axes):
        np.testing.assert_allclose(
            sign * values[:, channel], OURS[:, component], atol=1.01 / 255
        )


def test_convention_pictures_show_floors_green_and_what_faces_right_red() -> (
    None
):
    """The painter draws x right, y up, z towards the viewer."""
    decoded = nyud.decode_normals(ARCHIVE_BYTES[None])
    picture = paint('normals', decoded.transpose(2, 0, 1))[0].astype(int)
    wanted = [
        [128, 255, 128],
        [128, 0, 128],
        [255, 128, 128],
        [128, 128, 255],
    ]
    assert np.abs(picture - wanted).max() <= 1


def test_convention_grey_is_no_normal_in_the_archives() -> None:
    """Departs from ATRC, which counts it as a vector of length 0.007."""
    grey = np.full((1, 4, 3), 128, np.uint8)
    for decode in (nyud.decode_normals, pascal, vectors_of_bytes):
        assert not decode(grey).any()
    none = np.zeros((1, 4, 3), np.float32)
    assert not nyud.decode_float_normals(none).any()
