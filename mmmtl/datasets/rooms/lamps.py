"""Lamps; convention as in furniture.py."""

from __future__ import annotations

import numpy as np

from .furniture import Piece
from .parts import ball, fabric, paint, pillar
from .textures import Material, hsv

Rng = np.random.Generator


def floor_lamp(rng: Rng) -> Piece:
    """Lamp on a pole; its shade glows."""
    metal = paint(rng, 0.2, 0.5)
    height, radius = rng.uniform(1.4, 1.7), rng.uniform(0.16, 0.24)
    shade = Material(hsv(0.12, rng.uniform(0.1, 0.3), 1.0), glow=0.9)
    solids = [
        pillar((0, 0, 0.015), 0.15, 0.03, metal),
        pillar((0, 0, 0.5 * height), 0.018, height, metal),
        pillar((0, 0, height), radius, 0.3, shade),
    ]
    return solids, (2 * radius, 2 * radius)


def pendant(rng: Rng) -> Piece:
    """Ceiling lamp: a glowing ball or disc on a rod, hanging from z = 0."""
    rod = paint(rng, 0.2, 0.4)
    shade = Material(hsv(0.12, rng.uniform(0.05, 0.2), 1.0), glow=1.0)
    drop, radius = rng.uniform(0.2, 0.5), rng.uniform(0.15, 0.25)
    solids = [pillar((0, 0, -0.5 * drop), 0.015, drop, rod)]
    if rng.random() < 0.5:
        flat = radius * rng.uniform(0.5, 1.0)
        solids.append(ball((0, 0, -drop), (radius, radius, flat), shade))
    else:
        solids.append(pillar((0, 0, -drop), radius, 0.16, shade))
    return solids, (2 * radius, 2 * radius)


def table_lamp(rng: Rng) -> Piece:
    """Small lamp for the top of a piece of furniture."""
    foot = fabric(rng, 0.5)
    shade = Material(hsv(0.11, rng.uniform(0.1, 0.3), 1.0), glow=0.9)
    solids = [
        ball((0, 0, 0.11), (0.07, 0.07, 0.11), foot),
        pillar((0, 0, 0.3), 0.12, 0.18, shade),
    ]
    return solids, (0.24, 0.24)
