"""Things fixed to walls.

Same convention as furniture.py, but windows and pictures are built with their
backs at y = 0 and their middles at z = 0.
"""

from __future__ import annotations

import numpy as np

from .furniture import Piece
from .parts import ball, box, paint, wood
from .textures import Material, hsv

Rng = np.random.Generator


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
