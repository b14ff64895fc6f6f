"""Doors, windows and pictures on walls, lamps, and small things.

The convention is that of furniture.py, but windows and pictures are built
with their backs at y = 0 and their middles at z = 0.
"""

from __future__ import annotations

from mmmtl.rooms.furniture import Piece, Rng
from mmmtl.rooms.solids import ball, box, fabric, paint, pillar, wood
from mmmtl.rooms.textures import Material, hsv


def door(rng: Rng) -> Piece:
    """Closed door with frame and handle, from the floor up."""
    look = wood(rng, 0.05) if rng.random() < 0.6 else paint(rng, 0.75, 0.95)
    trim = paint(rng, 0.8, 0.95)
    width, height = rng.uniform(0.8, 0.95), rng.uniform(2.0, 2.1)
    solids = [box((0, -0.03, 0.5 * height), (width, 0.04, height), look)]
    for z in (0.28 * height, 0.72 * height):
        panel = (0.7 * width, 0.03, 0.36 * height)
        solids.append(box((0, -0.015, z), panel, look))
    for x in (-0.5 * width - 0.04, 0.5 * width + 0.04):
        size = (0.08, 0.07, height + 0.08)
        solids.append(box((x, -0.015, 0.5 * size[2]), size, trim))
    size = (width, 0.07, 0.08)
    solids.append(box((0, -0.015, height + 0.04), size, trim))
    knob = Material(hsv(0.12, 0.5, 0.6))
    solids.append(ball((0.42 * width, 0.03, 1.0), (0.03,) * 3, knob))
    return solids, (width + 0.16, 0.1)


def window(rng: Rng) -> Piece:
    """Window with a bright sky behind the panes."""
    width, height = rng.uniform(0.9, 1.6), rng.uniform(0.9, 1.3)
    hue, glow = rng.uniform(0.54, 0.6), rng.uniform(0.75, 1.0)
    sky = Material(
        hsv(0.25, 0.1, 0.85), hsv(hue, 0.35, 1.0), 'sky', height, glow=glow
    )
    trim = paint(rng, 0.8, 1.0)
    solids = [box((0, 0.01, 0), (width, 0.02, height), sky)]
    for x in (-0.5 * width, 0.0, 0.5 * width):
        solids.append(box((x, 0.025, 0), (0.06, 0.05, height + 0.06), trim))
    for z in (-0.5 * height, 0.5 * height):
        solids.append(box((0, 0.025, z), (width, 0.05, 0.06), trim))
    return solids, (width + 0.06, 0.06)


def picture(rng: Rng) -> Piece:
    """Framed picture of coloured patches."""
    width, height = rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.7)
    frame = wood(rng) if rng.random() < 0.5 else paint(rng, 0.05, 0.3)
    motif = Material(
        hsv(rng.random(), 0.5, 0.3),
        hsv(rng.random(), 0.5, 1.0),
        'patches',
        rng.uniform(0.08, 0.2),
        rng.uniform(0, 60),
    )
    solids = [
        box((0, 0.015, 0), (width, 0.03, height), frame),
        box((0, 0.02, 0), (width - 0.08, 0.035, height - 0.08), motif),
    ]
    return solids, (width, 0.04)


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
