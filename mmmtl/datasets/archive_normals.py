"""Normals as the archives of NYU Depth v2 and PASCAL-Context store them.

Convention:
    The channels are x LEFT, y UP, z TOWARDS the camera: floors are positive
    in the second channel, and what is seen is positive in the third. Our
    frame (:class:`mmmtl.structures.TaskSpec`) is x right, y down, z forward,
    so that the one is the negation of the other. That holds for NYUDv2.tar.gz
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

# All three channels of a pixel without a normal.
NO_NORMAL = 128
_VALUE_OF_BYTE = (np.arange(256) * (2 / 255) - 1).astype(np.float32)


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

    Raises:
        ValueError: If it is another kind of array.
    """
    if stored.ndim != 3 or stored.shape[2] != 3 or stored.dtype != np.uint8:
        raise ValueError(
            f'is {stored.dtype} {stored.shape}: write an RGB picture of '
            '8 bits per channel'
        )
    vectors = _VALUE_OF_BYTE[stored]
    vectors[(stored == NO_NORMAL).all(axis=2)] = 0
    return vectors
