"""Rooms out of wider ranges, so that a model also copes with photographs.

Shapes and labels are as exact as ever; what varies more is how things look:
colours from black to white, any pattern on anything, dim and uneven light,
steep and wide cameras, more things that have no class of their own, and the
film (white balance, contrast, blur, noise).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mmmtl.rooms.camera import Vector
from mmmtl.rooms.classes import CLASS_ID
from mmmtl.rooms.fittings import prop
from mmmtl.rooms.furniture import Rng
from mmmtl.rooms.sampling import Ranges, sample_scene
from mmmtl.rooms.scene import Light, Lighting, Scene
from mmmtl.rooms.solids import Primitive, Solids, ball, box, pillar, tube
from mmmtl.rooms.textures import Colour, Material, hsv

_WIDE = Ranges(
    width=(2.6, 8.0),
    depth=(3.0, 9.0),
    height=(2.2, 3.8),
    back=(0.2, 1.6),
    eye=(0.7, 2.0),
    turn=0.7,
    pitch=(-35, 15),
    roll=3.0,
    field_of_view=(45, 95),
    clearance=0.5,
)
_PATTERNS = ('plain', 'noise', 'stripes', 'tiles', 'planks', 'checks')
_SHARES = (0.34, 0.36, 0.08, 0.06, 0.08, 0.08)
_PERSON = CLASS_ID['person']


def varied_scene(rng: Rng) -> Scene:
    """Draw a room out of wide ranges, and change how everything looks."""
    scene = sample_scene(rng, _WIDE)
    _scatter(rng, scene)
    _recolour(rng, scene)
    _relight(rng, scene)
    return scene


def _scatter(rng: Rng, scene: Scene) -> None:
    """Things on floor, furniture and walls, beams and columns."""
    width, depth, height = scene.size
    for _ in range(int(rng.integers(0, 9))):
        spot = _ahead(rng, scene)
        z = 0.0 if rng.random() < 0.7 else rng.uniform(0.3, 1.0)
        kind = rng.random()
        if kind < 0.3:
            solids, _ = prop(rng, rng.uniform(0.1, 0.6))
        elif kind < 0.55:
            solids = _plant(rng)
        else:
            solids = _heap(rng)
        turn = rng.uniform(-math.pi, math.pi)
        scene.add(solids, 'otherprop', (*spot, z), turn)
    look = Material((0.5, 0.5, 0.5))
    for _ in range(int(rng.choice(3, p=(0.6, 0.25, 0.15)))):
        thick = rng.uniform(0.15, 0.6)
        if rng.random() < 0.5:  # a column, or the end of a wall
            x = rng.choice((0.0, width)) if rng.random() < 0.6 else None
            x = rng.uniform(0, width) if x is None else float(x)
            y = rng.uniform(0.5 * depth, depth)
            full = (thick, rng.uniform(0.2, 1.5), height)
            solids, name = [box((0, 0, 0.5 * height), full, look)], 'wall'
            scene.add(solids, name, (x, y, 0.0))
        else:
            full = (width, thick, rng.uniform(0.1, 0.35))
            y = rng.uniform(0.3 * depth, depth)
            beam = [box((0.5 * width, 0, height), full, look)]
            scene.add(beam, 'ceiling', (0.0, y, 0.0))


def _ahead(rng: Rng, scene: Scene) -> tuple[float, float]:
    """Some place on the floor that the camera may see."""
    camera, (width, depth, _) = scene.camera, scene.size
    angle = camera.yaw + 0.5 * camera.field_of_view * rng.uniform(-1, 1)
    reach = rng.uniform(0.8, depth)
    x = camera.position[0] + reach * math.sin(angle)
    y = camera.position[1] + reach * math.cos(angle)
    return min(max(x, 0.1), width - 0.1), min(max(y, 0.1), depth - 0.1)


def _plant(rng: Rng) -> Solids:
    """A pot with leaves, from a hand to a man high."""
    high = rng.uniform(0.25, 1.6)
    green = Material(hsv(rng.uniform(0.2, 0.4), 0.6, rng.uniform(0.15, 0.6)))
    clay = Material(hsv(rng.uniform(0, 0.1), 0.5, rng.uniform(0.2, 0.9)))
    pot = 0.3 * high
    solids = [pillar((0, 0, 0.5 * pot), 0.14 * high + 0.03, pot, clay)]
    for _ in range(int(rng.integers(5, 14))):
        x, y = rng.uniform(-0.35, 0.35, 2) * high
        tip = (x, y, pot + rng.uniform(0.1, 0.7) * high)
        thick = rng.uniform(0.012, 0.05)
        solids.append(tube((0, 0, pot), tip, thick, green))
    return solids


def _heap(rng: Rng) -> Solids:
    """A few solids of any proportions: whatever stands about in a room."""
    looks = [Material(hsv(rng.random(), 0.5, 0.5)) for _ in range(2)]
    solids: Solids = []
    z = 0.0
    for _ in range(int(rng.integers(1, 5))):
        a, b = np.exp(rng.uniform(math.log(0.05), math.log(0.7), 2))
        c = math.exp(rng.uniform(math.log(0.03), math.log(0.9)))
        look = looks[int(rng.integers(2))]
        x, y = rng.uniform(-0.15, 0.15, 2)
        kind = int(rng.integers(3))
        if kind == 0:
            solids.append(box((x, y, z + 0.5 * c), (a, b, c), look))
        elif kind == 1:
            middle = (x, y, z + 0.5 * c)
            solids.append(ball(middle, (0.5 * a, 0.5 * b, 0.5 * c), look))
        else:
            solids.append(pillar((x, y, z + 0.5 * c), 0.4 * a, c, look))
        z += c * rng.uniform(0.3, 1.0)
    return solids


def _recolour(rng: Rng, scene: Scene) -> None:
    """New looks, one for all solids of an object that looked alike.

    People keep theirs; lamps and windows keep their glow.
    """
    new: dict[tuple[int, Material], Material] = {}
    walls = _wall_looks(rng)
    for index, solid in enumerate(scene.primitives):
        if solid.class_id == _PERSON:
            continue
        key = (_group(solid), solid.material)
        if key not in new:
            wall = walls.get(solid.class_id)
            new[key] = wall or _other_look(rng, solid.material)
        scene.primitives[index] = replace(solid, material=new[key])


def _group(solid: Primitive) -> int:
    """All walls share a look, and so do the parts of an object."""
    walls = (CLASS_ID['wall'], CLASS_ID['ceiling'])
    return -1 - solid.class_id if solid.class_id in walls else solid.instance


def _wall_looks(rng: Rng) -> dict[int, Material]:
    """Most walls and ceilings are painted evenly."""
    looks = {}
    for name, share in (('wall', 0.75), ('ceiling', 0.9)):
        if rng.random() < share:
            light = 1 - rng.beta(1.2, 4.0)
            hue = (
                rng.uniform(0.04, 0.17)
                if rng.random() < 0.7
                else (rng.random())
            )
            colour = hsv(hue, 0.6 * rng.beta(1.0, 3.0), light)
            looks[CLASS_ID[name]] = _worn(rng, colour)
    return looks


def _worn(rng: Rng, colour: Colour) -> Material:
    darker = tuple(rng.uniform(0.8, 0.98) * c for c in colour)
    scale, shift = rng.uniform(0.3, 2.0), rng.uniform(0, 60)
    return Material(colour, darker, 'noise', scale, shift)


def _other_look(rng: Rng, old: Material) -> Material:
    if old.glow:
        glow = old.glow * rng.uniform(0.3, 1.0)
        if old.pattern == 'sky' and rng.random() < 0.6:
            return _outdoors(rng, glow)
        return replace(old, glow=glow)
    if rng.random() < 0.25:
        return replace(old, shift=rng.uniform(0, 60))
    colour = _any_colour(rng)
    second = _any_colour(rng)
    if rng.random() < 0.75:
        second = tuple(rng.uniform(0.5, 0.95) * c for c in colour)
    pattern = (
        'patches'
        if old.pattern in ('patches', 'books')
        else (_PATTERNS[int(rng.choice(len(_PATTERNS), p=_SHARES))])
    )
    scale = math.exp(rng.uniform(math.log(0.02), math.log(0.8)))
    return Material(colour, second, pattern, scale, rng.uniform(0, 60))


def _outdoors(rng: Rng, glow: float) -> Material:
    """Trees and houses behind the panes, out of focus."""
    near = hsv(rng.uniform(0.1, 0.45), 0.4, rng.uniform(0.2, 0.7))
    far = hsv(rng.uniform(0.5, 0.65), 0.2, rng.uniform(0.7, 1.0))
    pattern = 'noise' if rng.random() < 0.6 else 'patches'
    scale, shift = rng.uniform(0.08, 0.5), rng.uniform(0, 60)
    return Material(near, far, pattern, scale, shift, glow)


def _any_colour(rng: Rng) -> Colour:
    """Black, white, wood or anything else, rather dull than bright."""
    value = rng.beta(0.9, 1.1) * 0.95 + 0.02
    if rng.random() < 0.45:
        return hsv(rng.uniform(0.02, 0.13), rng.uniform(0.1, 0.8), value)
    return hsv(rng.random(), rng.beta(0.8, 2.5), value)


def _relight(rng: Rng, scene: Scene) -> None:
    """Less light from everywhere, more from some places."""
    scene.exposure = math.exp(rng.uniform(math.log(0.6), math.log(1.3)))
    scene.lighting = Lighting(
        ambient=rng.uniform(0.12, 0.65),
        above=rng.uniform(-0.1, 0.25),
        left=rng.uniform(-0.25, 0.25),
        camera=rng.uniform(0.0, 0.45),
        reach=rng.uniform(1.5, 6.0),
    )
    scene.lights = [
        replace(lamp, strength=lamp.strength * rng.uniform(0.0, 1.8))
        for lamp in scene.lights
    ]
    for _ in range(int(rng.integers(0, 3))):
        strength = rng.uniform(0.3, 1.6)
        scene.lights.append(Light(_somewhere(rng, scene), strength, -2))


def _somewhere(rng: Rng, scene: Scene) -> Vector:
    x, y, z = (e * s for e, s in zip(rng.random(3), scene.size, strict=True))
    return x, y, max(z, 0.3)


def develop(image: np.ndarray, rng: Rng, grain: Rng) -> np.ndarray:
    """Give a picture the film of another camera, (H, W, 3) RGB uint8.

    Args:
        image: (H, W, 3) RGB uint8.
        rng: Source of the film.
        grain: Source of its noise; it may be the same.
    """
    height, width, _ = image.shape
    values = image.astype(np.float32) / 255
    # Cameras expose; how well differs.
    aim = math.exp(rng.uniform(math.log(0.2), math.log(0.6)))
    gain = np.clip(aim / max(values.mean(), 0.01), 0.75, 3.0)
    values = (values * np.float32(gain)) ** np.float32(
        math.exp(rng.normal(0, 0.3))
    )
    values *= np.exp(rng.normal(0, 0.1, 3)).astype(np.float32)
    grey = values.mean(-1, keepdims=True)
    values = grey + (values - grey) * np.float32(rng.uniform(0.3, 1.4))
    middle = values.mean()
    values = middle + (values - middle) * np.float32(rng.uniform(0.7, 1.35))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    far = (x * x + y * y).astype(np.float32)[..., None]
    values *= 1 - np.float32(rng.uniform(0, 0.25)) * far
    if rng.random() < 0.4:
        values = _soften(values, int(rng.integers(1, 3)))
    noise = grain.standard_normal(values.shape, dtype=np.float32)
    values += noise * np.float32(0.03 * rng.beta(1, 2))
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _soften(values: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode='edge')
        rows = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
        values = 0.25 * rows[:, :-2] + 0.5 * rows[:, 1:-1] + 0.25 * rows[:, 2:]
    return values
