"""Cabinets and shelves; convention as in furniture.py."""

from __future__ import annotations

import numpy as np

from .furniture import Piece
from .parts import ball, box, paint, wood
from .primitives import Primitive
from .textures import Material, hsv

Rng = np.random.Generator


def cabinet(rng: Rng) -> Piece:
    """Chest of drawers or wardrobe with fronts and knobs."""
    white = rng.random() < 0.5
    look = paint(rng, 0.7, 0.9) if white else wood(rng, 0.1)
    knob = Material(hsv(0.1, 0.2, 0.3))
    width, depth = rng.uniform(0.8, 1.3), rng.uniform(0.42, 0.55)
    tall = rng.random() < 0.45
    height = rng.uniform(1.7, 2.1) if tall else rng.uniform(0.75, 1.1)
    rows, columns = (1, 2) if tall else (int(rng.integers(2, 4)), 1)
    solids = [box((0, -0.02, 0.5 * height), (width, depth, height), look)]
    w, h = width / columns, (height - 0.08) / rows
    for i in range(columns):
        for j in range(rows):
            x = (i - 0.5 * (columns - 1)) * w
            z = 0.08 + (j + 0.5) * h
            y = 0.5 * depth - 0.01
            solids.append(box((x, y, z), (w - 0.03, 0.025, h - 0.03), look))
            side = 0.4 * w * (1 if x < 0 else -1) if tall else 0.0
            dot = (0.022, 0.022, 0.022)
            solids.append(ball((x + side, y + 0.03, z), dot, knob))
    return solids, (width, depth + 0.05)


def bookshelf(rng: Rng) -> Piece:
    """Open shelves, most of them filled with books."""
    look, width = wood(rng), rng.uniform(0.8, 1.3)
    depth, height = 0.3, rng.uniform(1.5, 2.1)
    solids = [
        box(
            (0, 0.015 - 0.5 * depth, 0.5 * height), (width, 0.03, height), look
        )
    ]
    for x in (-0.5 * width + 0.015, 0.5 * width - 0.015):
        solids.append(box((x, 0, 0.5 * height), (0.03, depth, height), look))
    count = int(height / 0.36)
    step = (height - 0.03) / count
    for i in range(count + 1):
        z = 0.015 + i * step
        inner = (width - 0.05, depth - 0.01, 0.03)
        solids.append(box((0, 0, z), inner, look))
        if i < count and rng.random() < 0.85:
            solids.append(_books(rng, width - 0.08, step, z + 0.015))
    return solids, (width, depth)


def _books(rng: Rng, room: float, step: float, z: float) -> Primitive:
    """A row of books: one box, a colour for each spine."""
    width = room * rng.uniform(0.5, 1.0)
    height = step * rng.uniform(0.6, 0.8)
    x = 0.5 * (room - width) * float(rng.choice((-1.0, 1.0)))
    spines = Material(
        (0.15, 0.1, 0.1),
        (0.9, 0.8, 0.75),
        'books',
        rng.uniform(0.03, 0.05),
        rng.uniform(0, 60),
    )
    return box((x, -0.01, z + 0.5 * height), (width, 0.2, height), spines)
