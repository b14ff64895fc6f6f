import numpy as np
import pytest

from mmmtl.rooms import render_room
from mmmtl.rooms.camera import Camera
from mmmtl.rooms.raster import cast
from mmmtl.rooms.sampling import room_shell
from mmmtl.rooms.scene import Light, Scene
from mmmtl.rooms.shading import lamp_light
from mmmtl.rooms.solids import Solids, box, place
from mmmtl.rooms.textures import Material, surface_colour

WHITE = Material((1.0, 1.0, 1.0))


def test_same_seed_gives_the_same_arrays() -> None:
    first, second = (vars(render_room(7, 48, 64)) for _ in range(2))
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])


def test_different_seeds_give_different_rooms() -> None:
    pictures = {render_room(seed, 16, 16).image.tobytes() for seed in range(8)}
    assert len(pictures) == 8


def test_the_room_does_not_depend_on_the_picture_size() -> None:
    small, large = render_room(5, 30, 40), render_room(5, 90, 120)
    # Pixel centres of the small picture are centres of the large one's 3x3.
    np.testing.assert_array_equal(small.semseg, large.semseg[1::3, 1::3])
    np.testing.assert_allclose(small.depth, large.depth[1::3, 1::3], 1e-4)


def test_types_and_ranges_of_every_map() -> None:
    sample = render_room(0, 48, 64)
    assert sample.image.shape == sample.normals.shape == (48, 64, 3)
    assert sample.image.dtype == sample.semseg.dtype == np.uint8
    assert sample.depth.dtype == sample.normals.dtype == np.float32
    assert np.isfinite(sample.depth).all()
    assert 0.2 < sample.depth.min() < sample.depth.max() < 10
    for name in ('edge', 'saliency'):
        assert set(np.unique(getattr(sample, name))) <= {0, 1}
    assert 60 < sample.image.mean() < 200  # neither dark nor burnt out


def floor_light(
    solids: Solids, instance: int = 99
) -> tuple[np.ndarray, np.ndarray]:
    """Lamp light on the floor of a room with solids under the lamp."""
    camera = Camera((2.0, 0.5, 1.5), 0.0, -0.5, 0.0, 1.2)
    scene = Scene((4.0, 5.0, 2.5), camera)
    shell = room_shell(np.random.default_rng(0), scene.size)
    scene.primitives = [plane for _, plane in shell]
    scene.primitives += place(solids, (2.0, 2.5, 1.0), 0.3, 99, 0)
    hits = cast(scene.primitives, camera, 48, 64)
    lamp = Light((2.0, 2.5, 2.2), 1.0, instance)
    floor = hits.primitive == 0
    middle = np.hypot(hits.points.x - 2, hits.points.y - 2.5) < 0.3
    return lamp_light(scene, lamp, hits), floor & middle


def test_a_lamp_casts_shadows_but_not_of_its_own_object() -> None:
    board = [box((0, 0, 0), (0.8, 0.8, 0.02), WHITE)]
    free, below = floor_light([])
    assert below.sum() > 30
    # Straight below, 2.2 m: cos 1 / (0.6 + 0.25 * 2.2^2) = 0.553.
    assert free[below].max() == pytest.approx(0.553, abs=0.01)
    shadow, seen = floor_light(board, instance=1)
    assert (seen & below).sum() > 10
    np.testing.assert_allclose(
        shadow[seen & below], 0.25 * free[seen & below], rtol=1e-4
    )
    own, _ = floor_light(board, instance=99)
    np.testing.assert_allclose(own[seen], free[seen], rtol=1e-5)


def test_fine_textures_fade_to_their_mean_when_far() -> None:
    checks = Material((0.0,) * 3, (1.0,) * 3, 'checks', scale=0.1)
    u = np.linspace(0, 5, 500, dtype=np.float32)
    near = surface_colour(checks, u, u * 0, np.full_like(u, 1e-3))[0]
    far = surface_colour(checks, u, u * 0, np.full_like(u, 0.5))[0]
    assert set(np.unique(near)) == {0, 1}
    np.testing.assert_allclose(far, 0.5)
