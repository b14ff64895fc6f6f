"""Normals as files store them: as bytes, and in the archives' frame.

Convention:
    A component n in -1..1 is the byte v with ``n = 2 v / 255 - 1``.

    The archives of NYU Depth v2 and PASCAL-Context have another frame than
    ours (:class:`mmmtl.tasks.kinds.Normals`). Their channels: x LEFT, y UP, z
    TOWARDS the camera: floors are positive in the second channel, and what
    is seen is positive in the third. Ours are x right, y down, z forward, so
    that the one is the negation of the other. That holds for NYUDv2.tar.gz
    and PASCALContext.tar.gz of ATRC, and for NYUD_MT and PASCAL_MT of
    MTI-Net, hence for every network that was trained on them.

    How it is known: of the 40 clusters of training normals that ATRC ships
    (brdav/atrc at 76d8055, ``src/data/db_info/nyu_centroids.npy`` and
    ``pascal_centroids.npy``) none has a third channel below -0.06; of NYUD's
    five have a second channel above 0.88 and one below -0.79, as floors,
    tables and beds outnumber ceilings. In DeMT's published picture of
    predictions a bed's top is (.16, .84, .48), a ceiling (-.22, -.92, .27)
    and a wall on the left (-.52, -.07, .85). That the arrays of NYUD_MT have
    the sign of the pictures is inferred: the pictures were made of them.

    The raw maps of Ladicky et al., of Taskonomy, Replica and CocoDoom have
    other frames, which their readers know.
"""

from __future__ import annotations

import numpy as np

from mmmtl.io.arrays import check_array

# All three channels of a pixel without a normal.
NO_NORMAL = 128
# Component and sign in our frame of the archives' channels.
ARCHIVE_AXES = ((0, -1), (1, -1), (2, -1))
VALUE_OF_BYTE = (np.arange(256) * (2 / 255) - 1).astype(np.float32)


def swap_frame(normals: np.ndarray) -> np.ndarray:
    """From the archives' frame to ours, or back: x, y and z change sign.

    Args:
        normals: ``(..., 3)``; (0, 0, 0), "no label", stays.
    """
    return -normals


def vectors_of_bytes(stored: np.ndarray) -> np.ndarray:
    """From bytes to vectors, 2 v / 255 - 1, in the frame they are stored in.

    Convention:
        They are not normalised. No byte stands for 0 (127 and 128 give
        -0.004 and 0.004). The grey (128, 128, 128) becomes (0, 0, 0), "no
        label": it is what a zero vector rounds to and no unit vector does.
        Departs: the released code of ATRC counts a grey pixel as a vector of
        length 0.007 along (1, 1, 1), in loss and metric alike. That is a
        direction nobody measured, so here it counts nowhere; where an
        archive holds such pixels, figures differ by their share.

    Args:
        stored: ``(H, W, 3)`` uint8 in RGB order.

    Returns:
        ``(H, W, 3)`` float32.
    """
    check_array(stored, 'an RGB picture of 8 bits per channel', channels=3)
    vectors = VALUE_OF_BYTE[stored]
    vectors[(stored == NO_NORMAL).all(axis=2)] = 0
    return vectors


def bytes_of_vectors(normals: np.ndarray) -> np.ndarray:
    """From vectors to bytes, in the frame they are given in.

    Args:
        normals: ``(..., 3)``, components in -1..1; (0, 0, 0) becomes grey.

    Returns:
        ``(..., 3)`` uint8, round((n + 1) * 127.5).
    """
    return np.round((normals + 1.0) * 127.5).astype(np.uint8)
