"""Small things that lie about; convention as in furniture.py."""

from __future__ import annotations

import numpy as np

from .furniture import Piece
from .parts import ball, box, paint, pillar
from .textures import Material, hsv

Rng = np.random.Generator


def prop(rng: Rng, size: float) -> Piece:
    """Small thing: a parcel, a ball, a vase or a pile of books."""
    bright = hsv(rng.random(), rng.uniform(0.6, 0.9), rng.uniform(0.5, 0.9))
    look = Material(bright, (0.9, 0.9, 0.9), 'plain')
    kind = int(rng.integers(4))
    if kind == 0:
        w, d, h = (size * rng.uniform(0.7, 1.3) for _ in range(3))
        tape = (w + 0.006, 0.2 * d, h + 0.006)
        strip = paint(rng, 0.8, 1.0)
        solids = [
            box((0, 0, 0.5 * h), (w, d, h), look),
            box((0, 0, 0.5 * h), tape, strip),
        ]
        return solids, (w, d)
    if kind == 1:
        r = 0.5 * size
        striped = Material(bright, (0.95, 0.95, 0.95), 'stripes', 0.6 * size)
        return [ball((0, 0, r), (r, r, r), striped)], (size, size)
    if kind == 2:
        r = 0.4 * size
        solids = [
            ball((0, 0, 1.1 * r), (r, r, 1.1 * r), look),
            pillar((0, 0, 2.3 * r), 0.4 * r, 0.8 * r, look),
        ]
        return solids, (2 * r, 2 * r)
    solids, z = [], 0.0
    for _ in range(3):
        thick = rng.uniform(0.12, 0.25) * size
        book = (size, 0.75 * size, thick)
        colour = Material(hsv(rng.random(), 0.6, rng.uniform(0.4, 0.8)))
        shift = rng.uniform(-0.05, 0.05) * size
        solids.append(box((shift, 0, z + 0.5 * thick), book, colour))
        z += thick
    return solids, (1.1 * size, size)
