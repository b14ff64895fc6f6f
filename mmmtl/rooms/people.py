"""People: capsules for limbs, with the six body parts of HUMAN_PARTS."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mmmtl.rooms.camera import Vector
from mmmtl.rooms.solids import Primitive, Solids, ball, fabric, tube
from mmmtl.rooms.textures import Material, hsv

HEAD, TORSO, UPPER_ARM, LOWER_ARM, UPPER_LEG, LOWER_LEG = range(1, 7)
SEAT_HEIGHT = 0.48


def person(rng: np.random.Generator, sitting: bool) -> Solids:
    """One person in the frame of solids.py, feet on z = 0, facing +y.

    Args:
        rng: Source of the person's build, clothes and pose.
        sitting: Thighs level at ``SEAT_HEIGHT`` instead of upright.
    """
    scale = rng.uniform(0.88, 1.08)
    skin = Material(hsv(rng.uniform(0.05, 0.08), 0.45, rng.uniform(0.4, 0.9)))
    hair = Material(hsv(rng.uniform(0.05, 0.12), 0.5, rng.uniform(0.1, 0.5)))
    shirt, trousers = fabric(rng, 0.75), fabric(rng, 0.3)
    sleeve = shirt if rng.random() < 0.5 else skin
    hip = 0.93
    solids = _trunk(hip, skin, hair, shirt)
    for side in (-1.0, 1.0):
        solids += _leg(rng, side, hip, sitting, trousers)
        solids += _arm(rng, side, hip, sitting, (shirt, sleeve, skin))
    return _stand(solids, scale)


def _part(part: int, *solids: Primitive) -> Solids:
    return [replace(solid, part=part) for solid in solids]


def _trunk(
    hip: float, skin: Material, hair: Material, shirt: Material
) -> Solids:
    low, high = hip + 0.06, hip + 0.43
    trunk = [
        tube((x, 0, low), (1.15 * x, 0, high), 0.115, shirt)
        for x in (-0.08, 0.0, 0.08)
    ]
    neck = tube((0, 0, high + 0.05), (0, 0, high + 0.2), 0.05, skin)
    face = ball((0, 0.015, high + 0.27), (0.08, 0.095, 0.12), skin)
    crown = ball((0, -0.012, high + 0.295), (0.086, 0.098, 0.115), hair)
    return _part(TORSO, *trunk, neck) + _part(HEAD, face, crown)


def _leg(
    rng: np.random.Generator,
    side: float,
    hip: float,
    sitting: bool,
    trousers: Material,
) -> Solids:
    shoe = Material(hsv(0.07, 0.3, 0.2))
    swing = rng.uniform(-0.35, 0.35)
    bend = rng.uniform(0.0, 0.3)
    if sitting:
        swing, bend = 1.5, 1.5 + rng.uniform(-0.2, 0.1)
    top = (0.095 * side, 0.0, hip)
    knee = _along(top, 0.43, swing, 0.05 * side)
    ankle = _along(knee, 0.42, swing - bend, 0.0)
    toe = (ankle[0] + 0.03 * side, ankle[1] + 0.15, ankle[2] - 0.01)
    return _part(UPPER_LEG, tube(top, knee, 0.08, trousers)) + _part(
        LOWER_LEG,
        tube(knee, ankle, 0.058, trousers),
        tube(ankle, toe, 0.045, shoe),
    )


def _arm(
    rng: np.random.Generator,
    side: float,
    hip: float,
    sitting: bool,
    looks: tuple[Material, Material, Material],
) -> Solids:
    upper, lower, skin = looks
    swing, bend = rng.uniform(-0.5, 0.5), rng.uniform(0.1, 0.8)
    spread = rng.uniform(0.05, 0.4)
    if sitting:
        swing, bend = 0.5, 0.9
    elif rng.random() < 0.15:  # reaching out or waving
        swing, spread = rng.uniform(1.0, 2.6), rng.uniform(0.1, 0.6)
    shoulder = (0.2 * side, 0.0, hip + 0.45)
    elbow = _along(shoulder, 0.28, swing, spread * side)
    wrist = _along(elbow, 0.25, swing + bend, 0.3 * spread * side)
    hand = _along(wrist, 0.09, swing + bend, 0.0)
    return _part(UPPER_ARM, tube(shoulder, elbow, 0.055, upper)) + _part(
        LOWER_ARM,
        tube(elbow, wrist, 0.043, lower),
        tube(wrist, hand, 0.045, skin),
    )


def _along(
    start: Vector, length: float, swing: float, spread: float
) -> Vector:
    """End of a limb that hangs down, swung forwards and spread sideways."""
    down = math.cos(spread)
    return (
        start[0] + length * math.sin(spread),
        start[1] + length * down * math.sin(swing),
        start[2] - length * down * math.cos(swing),
    )


def _stand(solids: Solids, scale: float) -> Solids:
    """Scale the body and let its lowest point touch the floor."""
    lowest = min(s.centre[2] - s.extent()[2] for s in solids)
    return [
        replace(
            s,
            centre=(
                scale * s.centre[0],
                scale * s.centre[1],
                scale * (s.centre[2] - lowest),
            ),
            size=tuple(scale * a for a in s.size),
            radius=scale * s.radius,
        )
        for s in solids
    ]
