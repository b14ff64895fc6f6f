"""Rays and normals against sphere tracing of signed distance functions."""

import numpy as np
import pytest

from mmmtl.rooms.camera import Vectors
from mmmtl.rooms.raster import (
    hit,
    local_normals,
    local_points,
    to_local,
    to_world,
)
from mmmtl.rooms.solids import Primitive
from mmmtl.rooms.textures import Material

LOOK = Material((1.0, 1.0, 1.0))
SOLIDS = {
    'box': Primitive('box', (0.3, 4, 0.2), (0.7, 0.4, 0.5), LOOK, yaw=0.6),
    'ellipsoid': Primitive(
        'ellipsoid', (0, 4, 0.1), (0.9, 0.5, 0.7), LOOK, yaw=0.4
    ),
    'cylinder': Primitive('cylinder', (0.2, 3, -0.6), (0.5, 0.5, 0.4), LOOK),
    'capsule': Primitive(
        'capsule', (0, 4, 0), (0.5, 0.3, 0.4), LOOK, radius=0.3
    ),
}


def distance(name: str, p: np.ndarray) -> np.ndarray:
    """Signed distance (N,) of world points (N, 3), metres."""
    solid = SOLIDS[name]
    q = p - np.array(solid.centre)
    c, s = np.cos(solid.yaw), np.sin(solid.yaw)
    q = q @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    if name == 'box':
        d = np.abs(q) - np.array(solid.size)
        outside = np.linalg.norm(np.maximum(d, 0), axis=1)
        return outside + np.minimum(d.max(axis=1), 0)
    if name == 'ellipsoid':  # a lower bound, which marching needs as well
        radii = np.array(solid.size)
        return (np.linalg.norm(q / radii, axis=1) - 1) * radii.min()
    if name == 'cylinder':
        side = np.hypot(q[:, 0], q[:, 1]) - solid.size[0]
        d = np.stack([side, np.abs(q[:, 2]) - solid.size[2]], axis=1)
        outside = np.linalg.norm(np.maximum(d, 0), axis=1)
        return outside + np.minimum(d.max(axis=1), 0)
    axis = np.array(solid.size)
    along = np.clip(q @ axis / (axis @ axis), -1, 1)
    return np.linalg.norm(q - along[:, None] * axis, axis=1) - solid.radius


def rays() -> np.ndarray:
    rng = np.random.default_rng(0)
    aim = rng.uniform((-1.5, 3, -1.5), (1.5, 5, 1.5), (3000, 3))
    return aim * rng.uniform(0.2, 2, (3000, 1))  # any length will do


def march(name: str, directions: np.ndarray) -> np.ndarray:
    """First ray parameter by sphere tracing; inf where nothing is met."""
    length = np.linalg.norm(directions, axis=1)
    travelled = np.zeros(len(directions))
    for _ in range(400):
        points = directions * (travelled / length)[:, None]
        travelled += np.minimum(distance(name, points), 1)
    points = directions * (travelled / length)[:, None]
    met = np.abs(distance(name, points)) < 1e-6
    return np.where(met, travelled / length, np.inf)


@pytest.mark.parametrize('name', SOLIDS)
def test_hits_equal_sphere_tracing(name: str) -> None:
    directions = rays()
    expected = march(name, directions)
    components = Vectors(*directions.T.astype(np.float32))
    found = hit(SOLIDS[name], (0.0, 0.0, 0.0), components)
    # Rays that graze within a millimetre may go either way.
    near = np.where(np.isfinite(expected), expected, 0)
    middle = directions * near[:, None]
    inside = distance(name, middle + 1e-3 * directions) < -1e-4
    assert inside.sum() > 200
    np.testing.assert_allclose(found[inside], expected[inside], rtol=2e-5)
    missed = np.isinf(expected)
    assert missed.sum() > 200
    assert np.isinf(found[missed]).mean() > 0.99


@pytest.mark.parametrize('name', SOLIDS)
def test_normals_equal_gradient_of_distance(name: str) -> None:
    solid, directions = SOLIDS[name], rays()
    expected = march(name, directions)
    directions = directions[np.isfinite(expected)]
    points = directions * expected[np.isfinite(expected)][:, None]
    gradient = np.stack(
        [
            distance(name, points + step) - distance(name, points - step)
            for step in 1e-5 * np.eye(3)
        ],
        axis=1,
    )
    gradient /= np.linalg.norm(gradient, axis=1, keepdims=True)
    local = local_points(solid, Vectors(*points.T))
    towards = to_local(solid, Vectors(*directions.T))
    normals = to_world(solid, local_normals(solid, local, towards))
    cosine = (np.stack(normals, axis=1) * gradient).sum(axis=1)
    # Points on an edge between two faces have no one normal.
    assert np.mean(cosine > 1 - 1e-6) > 0.99


def test_nothing_behind_the_origin_is_hit() -> None:
    away = Vectors(*(-rays()).T.astype(np.float32))
    for solid in SOLIDS.values():
        assert np.isinf(hit(solid, (0.0, 0.0, 0.0), away)).all()


def test_plane_is_hit_from_its_front_only() -> None:
    plane = Primitive('plane', (0.0, 0.0, 2.0), (0.0, 0.0, -1.0), LOOK)
    up, down = (
        Vectors(*(np.array([c], np.float32) for c in (0.0, 0.0, z)))
        for z in (0.5, -0.5)
    )
    assert hit(plane, (0.0, 0.0, 1.0), up).item() == pytest.approx(2.0)
    assert np.isinf(hit(plane, (0.0, 0.0, 1.0), down).item())
    assert np.isinf(hit(plane, (0.0, 0.0, 3.0), down).item())
