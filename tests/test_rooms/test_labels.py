import math

import numpy as np
import pytest

from mmmtl.geometry.operators import edges2d, keypoints2d
from mmmtl.rooms import (
    CLASSES,
    HUMAN_PARTS,
    PALETTE,
    RoomSample,
    render_room,
)
from mmmtl.rooms.labels import boundaries, saliency

PERSON, CHAIR, WALL = (CLASSES.index(n) for n in ('person', 'chair', 'wall'))


@pytest.fixture(scope='module')
def samples() -> list[RoomSample]:
    return [render_room(seed, 48, 64) for seed in range(40)]


def test_every_class_and_every_part_occurs(samples: list[RoomSample]) -> None:
    assert len(CLASSES) >= 12
    assert len(PALETTE) == len(set(PALETTE)) == len(CLASSES)
    found = set().union(*(np.unique(s.semseg).tolist() for s in samples))
    assert found == set(range(len(CLASSES)))
    parts = set().union(*(np.unique(s.human_parts).tolist() for s in samples))
    assert parts == set(range(len(HUMAN_PARTS)))
    with_people = np.mean([(s.semseg == PERSON).any() for s in samples])
    assert 0.35 < with_people < 0.85


def test_class_is_constant_per_instance(samples: list[RoomSample]) -> None:
    for s in samples:
        pairs = set(zip(s.instance.flat, s.semseg.flat, strict=True))
        assert len(pairs) == len(np.unique(s.instance))


def test_human_parts_are_set_exactly_on_people(
    samples: list[RoomSample],
) -> None:
    for s in samples:
        np.testing.assert_array_equal(s.human_parts > 0, s.semseg == PERSON)


def test_head_is_above_the_lower_legs() -> None:
    # A room with somebody standing: mean rows of the parts are in order.
    for seed in range(40):
        parts = render_room(seed, 48, 64).human_parts
        rows = {p: np.nonzero(parts == p)[0] for p in (1, 2, 6)}
        if min(len(r) for r in rows.values()) > 15:
            assert rows[1].mean() < rows[2].mean() < rows[6].mean()
            return
    pytest.fail('nobody is seen from head to foot')


def test_edge_is_one_exactly_where_the_instance_changes(
    samples: list[RoomSample],
) -> None:
    s = samples[0]
    height, width = s.edge.shape
    for y in range(height):
        for x in range(width):
            right = x + 1 < width and s.instance[y, x] != s.instance[y, x + 1]
            below = y + 1 < height and s.instance[y, x] != s.instance[y + 1, x]
            assert s.edge[y, x] == (right or below)
    assert 0.02 < np.mean([s.edge.mean() for s in samples]) < 0.2


def test_boundaries_of_a_known_map() -> None:
    instance = np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]])
    expected = [[0, 1, 0], [1, 1, 1], [0, 0, 0]]
    np.testing.assert_array_equal(boundaries(instance), expected)


def saliency_map(
    class_id: int,
    rows: tuple[int, int],
    columns: tuple[int, int],
    near: bool,
) -> bool:
    """A wall at 3 m with one thing of a class before or behind it."""
    semseg = np.full((40, 50), WALL)
    instance, depth = np.zeros((40, 50), int), np.full((40, 50), 3.0)
    place = (slice(*rows), slice(*columns))
    semseg[place], instance[place] = class_id, 1
    depth[place] = 2.0 if near else 4.0
    found = saliency(semseg, instance, depth)
    assert not found[instance == 0].any()
    return bool(found[instance == 1].all())


def test_saliency_follows_its_rule() -> None:
    # 10 x 10 of 2000 pixels: 5 %; 2 x 2: 0.2 %; 20 x 20: 20 %.
    assert saliency_map(CHAIR, (10, 20), (10, 20), near=True)
    assert not saliency_map(CHAIR, (10, 20), (10, 20), near=False)
    assert not saliency_map(CHAIR, (10, 12), (10, 12), near=True)
    assert not saliency_map(CHAIR, (10, 30), (10, 30), near=True)
    assert not saliency_map(CHAIR, (0, 10), (10, 20), near=True)  # cut
    assert saliency_map(PERSON, (10, 30), (10, 30), near=False)
    assert saliency_map(PERSON, (0, 10), (10, 20), near=False)
    assert not saliency_map(PERSON, (10, 12), (10, 12), near=True)
    assert not saliency_map(CLASSES.index('bed'), (10, 20), (10, 20), True)


def test_reshading_is_the_cosine_towards_the_camera(
    samples: list[RoomSample],
) -> None:
    for s in samples[:5]:
        # n . ray of the middle four pixels, whose rays are almost (0, 0, 1).
        middle = (slice(23, 25), slice(31, 33))
        np.testing.assert_allclose(
            s.reshading[middle], -s.normals[middle][..., 2], atol=0.03
        )
        assert s.reshading.min() >= 0
        assert s.reshading.max() <= 1


def test_heat_maps_stay_in_range_and_are_used(
    samples: list[RoomSample],
) -> None:
    for name in ('edges2d', 'keypoints2d'):
        values = np.stack([getattr(s, name) for s in samples])
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert values.max() <= 1
        # Neither almost black nor mostly saturated.
        assert 0.02 < values.mean() < 0.5


def square(value: int = 200) -> np.ndarray:
    image = np.full((41, 41, 3), 50, np.uint8)
    image[12:29, 12:29] = value
    return image


def test_edges2d_is_large_on_steps_and_zero_on_flat_ground() -> None:
    edges = edges2d(square(60))
    assert edges[20, 11] == pytest.approx(edges[20, 12], abs=1e-6)
    assert edges[20, 11] > 3 * edges[20, 9]
    assert edges[2, 2] == pytest.approx(0, abs=1e-6)
    # Blurred step: the central difference over the edge is the share of the
    # gaussian within a pixel of it, about erf(1 / (1.1 sqrt 2)) = 0.64 of the
    # step, halved; linear in the step's height of 10 grey levels.
    slope = 10 / 255 * 0.5 * math.erf(1 / (1.1 * math.sqrt(2)))
    assert edges[20, 11] == pytest.approx(slope / 0.09, rel=0.15)


def test_keypoints2d_finds_the_corners_only() -> None:
    points = keypoints2d(square())
    corner = points[10:15, 10:15].max()
    assert corner > 0.5
    assert points[20, 10:14].max() < 0.05 * corner  # a straight edge
    assert points[2, 2] == pytest.approx(0, abs=1e-6)
    slanted = np.where(np.tri(41, dtype=bool)[..., None], 200, 50)
    slanted = keypoints2d(np.repeat(slanted, 3, -1).astype(np.uint8))
    assert slanted[15:26, 15:26].max() < 0.1 * corner  # a slanted edge
    np.testing.assert_allclose(points, points[::-1, ::-1], atol=1e-5)
