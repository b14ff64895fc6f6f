"""Furniture that stands on the floor, each piece built from a few solids.

Every builder returns the solids in the object's own frame (solids.py) and
the object's footprint (width along x, depth along y) in metres.
"""

from __future__ import annotations

import numpy as np

from mmmtl.rooms.solids import (
    Primitive,
    Solids,
    ball,
    box,
    fabric,
    legs,
    paint,
    pillar,
    wood,
)
from mmmtl.rooms.textures import Material, hsv

Piece = tuple[Solids, tuple[float, float]]
Rng = np.random.Generator


def table(rng: Rng) -> Piece:
    """Table at dining height, square on four legs or round on a foot."""
    look = wood(rng)
    height = rng.uniform(0.68, 0.78)
    if rng.random() < 0.3:
        radius = rng.uniform(0.45, 0.6)
        solids = [
            pillar((0, 0, height - 0.02), radius, 0.04, look),
            pillar((0, 0, 0.5 * height), 0.05, height - 0.05, look),
            pillar((0, 0, 0.015), 0.25, 0.03, look),
        ]
        return solids, (2 * radius, 2 * radius)
    width, depth = rng.uniform(1.0, 1.6), rng.uniform(0.7, 0.9)
    top = box((0, 0, height - 0.02), (width, depth, 0.04), look)
    under = legs(width - 0.06, depth - 0.06, height - 0.03, 0.06, look)
    return [top, *under], (width, depth)


def chair(rng: Rng) -> Piece:
    """Chair with a back rest, open or upholstered."""
    frame = wood(rng) if rng.random() < 0.6 else paint(rng, 0.1, 0.4)
    seat = fabric(rng, 0.6) if rng.random() < 0.5 else frame
    size, height = rng.uniform(0.42, 0.48), rng.uniform(0.43, 0.47)
    rest = rng.uniform(0.4, 0.5)
    back = -0.5 * size + 0.02
    solids = legs(size, size, height - 0.02, 0.04, frame)
    solids.append(box((0, 0, height), (size, size, 0.05), seat))
    if rng.random() < 0.5:
        middle = height + 0.05 + 0.5 * rest
        solids.append(box((0, back, middle), (size, 0.04, rest), seat))
        return solids, (size, size)
    for x in (-0.5 * size + 0.02, 0.5 * size - 0.02):
        middle = height + 0.5 * rest
        solids.append(box((x, back, middle), (0.04, 0.04, rest), frame))
    for z in (0.45 * rest, 0.9 * rest):
        solids.append(box((0, back, height + z), (size, 0.03, 0.1), frame))
    return solids, (size, size)


def sofa(rng: Rng) -> Piece:
    """Sofa with arms, back and two or three seat cushions."""
    look, width = fabric(rng, 0.55), rng.uniform(1.5, 2.1)
    soft = fabric(rng, 0.5) if rng.random() < 0.4 else look
    depth, seat = rng.uniform(0.8, 0.9), rng.uniform(0.28, 0.32)
    solids = [
        box((0, 0, 0.5 * seat + 0.03), (width, depth, seat), look),
        box((0, 0.12 - 0.5 * depth, 0.45), (width, 0.24, 0.8), look),
    ]
    for x in (-0.5 * width + 0.09, 0.5 * width - 0.09):
        solids.append(box((x, 0.005, 0.31), (0.18, depth, 0.58), look))
    count = int(rng.integers(2, 4))
    inner = (width - 0.38) / count
    for i in range(count):
        x = (i - 0.5 * (count - 1)) * inner
        cushion = (inner - 0.015, depth - 0.26, 0.13)
        solids.append(box((x, 0.13, seat + 0.09), cushion, soft))
        rest = (inner - 0.03, 0.14, 0.34)
        solids.append(box((x, 0.3 - 0.5 * depth, seat + 0.33), rest, soft))
    return solids, (width, depth)


def bed(rng: Rng) -> Piece:
    """Bed with head board, mattress, blanket and pillows."""
    frame, width = wood(rng), rng.uniform(1.0, 1.7)
    sheet, cover = paint(rng, 0.8, 0.95), fabric(rng, rng.uniform(0.2, 0.6))
    length = rng.uniform(1.95, 2.1)
    head = -0.5 * length
    solids = [
        box((0, 0, 0.17), (width, length, 0.24), frame),
        box((0, 0.02, 0.39), (width - 0.04, length - 0.08, 0.22), sheet),
        box((0, head + 0.03, 0.5), (width, 0.06, 1.0), frame),
        box((0, 0.36, 0.4), (width + 0.03, length - 0.7, 0.25), cover),
    ]
    pillows = 1 if width < 1.3 else 2
    for i in range(pillows):
        x = (i - 0.5 * (pillows - 1)) * 0.5 * width
        radii = (0.42 * width / pillows, 0.2, 0.08)
        solids.append(ball((x, head + 0.33, 0.55), radii, sheet))
    return solids, (width + 0.03, length)


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
