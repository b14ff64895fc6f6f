"""Folders as the real archives hold them, written by hand.

Nothing of mmmtl's converters, layouts or class tables is used: what is stored
follows from descriptions of the archives. A view shows a room of five planes,
seen by a level camera, with two pictures on the far wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

IDS = {'train': ('0003', '0004'), 'val': ('0001',)}
PASCAL_IDS = {'train': ('2008_000002', '2009_000010'), 'val': ('2010_000003',)}
NYUD_SIZE = (425, 560)
PASCAL_SIZE = (120, 160)

FLOOR, CEILING, LEFT, RIGHT, FAR = range(5)
# Distance in metres along the direction, in x right, y down, z forward.
_PLANES = ((1, 1.3), (1, -1.1), (0, -1.7), (0, 2.0), (2, 3.5))
# What the archives store: x left, y up, z towards the camera. The wall on the
# left faces right, and so on.
STORED_NORMALS = np.float32(
    [[0, 1, 0], [0, -1, 0], [-1, 0, 0], [1, 0, 0], [0, 0, 1]]
)
# The same surfaces in x right, y down, z forward.
OUR_NORMALS = np.float32(
    [[0, -1, 0], [0, 1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, -1]]
)


@dataclass(frozen=True)
class View:
    """A view of the room.

    Attributes:
        plane: ``(H, W)`` which of the five is seen.
        depth: ``(H, W)`` metres along the optical axis.
        patches: ``(H, W)`` 1 and 2 on the two pictures on the wall, else 0.
        image: ``(H, W, 3)`` uint8, channels as OpenCV writes them.
    """

    plane: np.ndarray
    depth: np.ndarray
    patches: np.ndarray
    image: np.ndarray


def look(
    size: tuple[int, int],
    focal: tuple[float, float],
    centre: tuple[float, float],
    seed: int,
) -> View:
    """Look into the room.

    Args:
        size: Height and width.
        focal: Focal lengths along x and y, pixels.
        centre: x and y of the optical axis, pixels.
        seed: Of the noise by which the images differ.
    """
    rows, columns = np.mgrid[: size[0], : size[1]]
    rays = np.stack(
        [
            (columns - centre[0]) / focal[0],
            (rows - centre[1]) / focal[1],
            np.ones(size),
        ],
        axis=-1,
    )
    with np.errstate(divide='ignore'):
        hits = np.stack([place / rays[..., axis] for axis, place in _PLANES])
    hits = np.where(hits > 0, hits, np.inf)  # depth, for rays have z = 1
    plane = hits.argmin(axis=0)
    depth = hits.min(axis=0)
    x, y = (rays * depth[..., None])[..., :2].transpose(2, 0, 1)
    patches = np.zeros(size, int)
    on_wall = (plane == FAR) & (np.abs(y) < 0.5)
    patches[on_wall & (np.abs(x + 0.9) < 0.35)] = 1
    patches[on_wall & (np.abs(x - 0.9) < 0.35)] = 2
    noise = np.random.default_rng(seed).integers(0, 40, (*size, 3))
    image = (40 * plane + 10 * patches)[..., None] + noise
    return View(plane, depth, patches, image.astype(np.uint8))


def nyud_view(seed: int) -> View:
    """Look with NYU's colour camera, cut to the benchmarks' crop."""
    # Crop: rows from 45, columns from 40 of 480x640.
    centre = (325.58 - 40, 253.74 - 45)
    return look(NYUD_SIZE, (518.86, 519.47), centre, seed)


def pascal_view(seed: int) -> View:
    """Look with some camera of a photographer."""
    return look(PASCAL_SIZE, (150.0, 150.0), (80.0, 60.0), seed)


def outlines(*maps: np.ndarray) -> np.ndarray:
    """Return bool lines where one of the maps changes."""
    edge = np.zeros(maps[0].shape, bool)
    for one in maps:
        edge[:, :-1] |= one[:, :-1] != one[:, 1:]
        edge[:-1] |= one[:-1] != one[1:]
    return edge


def nyud_segmentation(view: View) -> np.ndarray:
    """Return 0 unlabelled, 1 wall, 2 floor, 11 picture, 22 ceiling."""
    stored = np.uint8([2, 22, 1, 1, 1])[view.plane]
    stored[view.patches == 1] = 11
    stored[view.patches == 2] = 0
    return stored


def bytes_of(normals: np.ndarray) -> np.ndarray:
    """Return v with 2 v / 255 - 1 = n, in OpenCV's order of channels."""
    stored = np.floor((normals + 1) / 2 * 255 + 0.5).astype(np.uint8)
    return stored[..., ::-1]


def write_nyudv2(root: Path, sign: int = 1) -> Path:
    """Write NYUDv2.tar.gz of ATRC: all PNG but the depth.

    Args:
        root: The folder to write.
        sign: -1 negates the normals: a wrong folder.
    """
    _make(root, ('images', 'segmentation', 'normals', 'depth', 'edge'))
    for name, view in _write_lists(root / 'gt_sets', IDS, nyud_view):
        normals = sign * STORED_NORMALS[view.plane]
        edge = outlines(view.plane, view.patches)
        _picture(root / f'images/{name}.png', view.image)
        _picture(root / f'segmentation/{name}.png', nyud_segmentation(view))
        _picture(root / f'normals/{name}.png', bytes_of(normals))
        _picture(root / f'edge/{name}.png', edge * np.uint8(255))
        np.save(root / f'depth/{name}.npy', view.depth.astype(np.float32))
    return root


def write_nyud_mt(root: Path, sign: int = 1) -> Path:
    """Write NYUD_MT.tgz of MTI-Net: JPEG images, arrays.

    Args:
        root: The folder to write.
        sign: -1 negates the normals: a wrong folder.
    """
    _make(root, ('images', 'segmentation', 'normals', 'depth', 'edge'))
    for name, view in _write_lists(root / 'gt_sets', IDS, nyud_view):
        edge = outlines(view.plane, view.patches)
        arrays = {
            'normals': sign * STORED_NORMALS[view.plane],
            'depth': view.depth,
            'edge': edge,
        }
        _picture(root / f'images/{name}.jpg', view.image)
        _picture(root / f'segmentation/{name}.png', nyud_segmentation(view))
        for folder, array in arrays.items():
            np.save(root / f'{folder}/{name}.npy', array.astype(np.float32))
    return root


# PASCAL-Context's ids: floor, ceiling, wall; on the far wall a person and
# grass, whose normals nobody should learn.
CONTEXT_OF_PLANE = np.uint16([158, 68, 440, 440, 440])
CONTEXT_PERSON, CONTEXT_GRASS = 284, 187
#: Some parts by PASCAL-Part's names, from top to bottom, and their values
#: among six.
PARTS = (('hair', 1), ('torso', 2), ('luarm', 3), ('rhand', 4), ('lfoot', 6))


def pascal_context(view: View) -> np.ndarray:
    """Return the LabelMap."""
    stored = CONTEXT_OF_PLANE[view.plane]
    stored[view.patches == 1] = CONTEXT_PERSON
    stored[view.patches == 2] = CONTEXT_GRASS
    return stored


def pascal_parts(view: View) -> list[tuple[str, np.ndarray]]:
    """Return names and masks of the person's parts, one below the other."""
    rows = np.flatnonzero((view.patches == 1).any(axis=1))
    masks = []
    for (name, _), part in zip(
        PARTS, np.array_split(rows, len(PARTS)), strict=True
    ):
        mask = np.zeros(view.patches.shape, np.uint8)
        mask[part] = view.patches[part] == 1
        masks.append((name, mask))
    return masks


def pascal_annotation(view: View) -> dict[str, object]:
    """Return PASCAL-Part's ``anno``: the person, and a thing without parts."""
    parts = np.empty((1, len(PARTS)), [('part_name', 'O'), ('mask', 'O')])
    for index, pair in enumerate(pascal_parts(view)):
        parts[0, index] = pair
    fields = [(n, 'O') for n in ('class', 'class_ind', 'mask', 'parts')]
    objects = np.empty((1, 2), fields)
    person = (view.patches == 1).astype(np.uint8)
    grass = (view.patches == 2).astype(np.uint8)
    objects[0, 0] = ('person', 15.0, person, parts)
    objects[0, 1] = ('chair', 9.0, grass, np.zeros((0, 0)))
    return {'imname': 'x', 'objects': objects}


def pascal_semseg(view: View) -> np.ndarray:
    """Return VOC's ids: 15 is person, 0 background, 255 its outline."""
    stored = np.where(view.patches == 1, 15, 0).astype(np.uint8)
    inner = cv2.erode(stored, np.ones((3, 3), np.uint8))
    return np.where(stored != inner, 255, stored).astype(np.uint8)


def write_pascal(root: Path, sign: int = 1) -> Path:
    """Write PASCALContext.tar.gz of ATRC, which is PASCAL_MT of MTI-Net.

    Args:
        root: The folder to write.
        sign: -1 negates the normals: a wrong folder.
    """
    _make(
        root,
        (
            *('JPEGImages', 'semseg/VOC12', 'semseg/pascal-context'),
            *('human_parts', 'normals_distill', 'sal_distill'),
            'pascal-context/trainval',
        ),
    )
    lists = root / 'ImageSets/Context'
    for name, view in _write_lists(lists, PASCAL_IDS, pascal_view):
        normals = sign * STORED_NORMALS[view.plane]
        folder = 'VOC12' if name < '2010' else 'pascal-context'
        saliency = np.where(view.patches == 1, 200, 30).astype(np.uint8)
        _picture(root / f'JPEGImages/{name}.jpg', view.image)
        _picture(root / f'semseg/{folder}/{name}.png', pascal_semseg(view))
        _picture(root / f'normals_distill/{name}.png', bytes_of(normals))
        _picture(root / f'sal_distill/{name}.png', saliency)
        classes = {'LabelMap': pascal_context(view)}
        savemat(root / f'pascal-context/trainval/{name}.mat', classes)
        parts = {'anno': pascal_annotation(view)}
        savemat(root / f'human_parts/{name}.mat', parts)
    return root


def _make(root: Path, folders: tuple[str, ...]) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True)


def _write_lists(
    folder: Path,
    ids: dict[str, tuple[str, ...]],
    view_of: Callable[[int], View],
) -> Iterator[tuple[str, View]]:
    """Write the lists of ids, and yield each id with its view."""
    folder.mkdir(parents=True)
    for split, names in ids.items():
        (folder / f'{split}.txt').write_text(''.join(f'{n}\n' for n in names))
        for name in names:
            yield name, view_of(int(name[-4:]))


def _picture(path: Path, array: np.ndarray) -> None:
    assert cv2.imwrite(str(path), array), path
