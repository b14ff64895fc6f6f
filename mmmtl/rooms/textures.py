"""Procedural textures: a colour for every point of a surface."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal

import numpy as np

Pattern = Literal[
    'plain', 'noise', 'stripes', 'tiles', 'planks', 'checks', 'books',
    'patches', 'sky',
]  # fmt: skip
Colour = tuple[float, ...]  # three, see `Vector`

# Random numbers on a lattice that repeats every 64 cells; the same in every
# room, rooms differ by where on the lattice their surfaces lie.
_SIZE = 64
_LATTICE = np.random.default_rng(2023).random(
    (4, _SIZE, _SIZE), dtype=np.float32
)
# Mean of each pattern's mixing weight: what it fades to when its period
# falls under the pixel size.
_MEAN = {
    'plain': 0.0,
    'noise': 0.5,
    'stripes': 0.5,
    'tiles': 0.12,
    'planks': 0.45,
    'checks': 0.5,
}


@dataclass(frozen=True)
class Material:
    """Look of a surface.

    Attributes:
        colour: RGB, 0 to 1.
        second: RGB of the pattern's other colour.
        pattern: How the two colours are mixed over the surface.
        scale: Period of the pattern in metres.
        shift: Where on the lattice the pattern starts, in periods.
        glow: Light the surface gives off itself (0 none, 1 its full colour).
    """

    colour: Colour
    second: Colour = (0.0, 0.0, 0.0)
    pattern: Pattern = 'plain'
    scale: float = 0.3
    shift: float = 0.0
    glow: float = 0.0


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """RGB of a hue (in turns), a saturation and a value (0 to 1)."""
    return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)


def _cell(u: np.ndarray, v: np.ndarray, layer: int = 0) -> np.ndarray:
    i = u.astype(np.int32) & (_SIZE - 1)
    j = v.astype(np.int32) & (_SIZE - 1)
    return _LATTICE[layer, i, j]


def value_noise(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Smooth noise in 0..1 with one knot per unit of ``u`` and ``v``."""
    iu, iv = np.floor(u), np.floor(v)
    fu, fv = u - iu, v - iv
    fu = fu * fu * (3 - 2 * fu)
    fv = fv * fv * (3 - 2 * fv)
    i0 = iu.astype(np.int32) & (_SIZE - 1)
    j0 = iv.astype(np.int32) & (_SIZE - 1)
    i1, j1 = (i0 + 1) & (_SIZE - 1), (j0 + 1) & (_SIZE - 1)
    table = _LATTICE[0]
    low = table[i0, j0] * (1 - fu) + table[i1, j0] * fu
    high = table[i0, j1] * (1 - fu) + table[i1, j1] * fu
    return low * (1 - fv) + high * fv


def _fraction(u: np.ndarray) -> np.ndarray:
    return u - np.floor(u)


def _lines(u: np.ndarray, pixel: np.ndarray, thick: float) -> np.ndarray:
    """Share of a pixel that is covered by lines at whole numbers."""
    distance = np.abs(u - np.round(u))
    cover = (0.5 * thick + 0.5 * pixel - distance) / pixel
    return np.clip(cover, 0, np.minimum(1, thick / pixel))


def _weight(
    material: Material, u: np.ndarray, v: np.ndarray, pixel: np.ndarray
) -> np.ndarray:
    """Share of the second colour, 0 to 1; lengths in periods."""
    if material.pattern == 'noise':
        return 0.6 * value_noise(u, v) + 0.4 * value_noise(2.7 * u, 2.7 * v)
    if material.pattern == 'stripes':
        return (_fraction(u) < 0.5).astype(np.float32)
    if material.pattern == 'tiles':
        gap = np.maximum(_lines(u, pixel, 0.06), _lines(v, pixel, 0.06))
        return np.maximum(gap, 0.15 * _cell(u, v))
    if material.pattern == 'planks':
        row = np.floor(v)
        joint = u * 0.15 + 0.37 * row
        gap = np.maximum(
            _lines(v, pixel, 0.05), _lines(joint, 0.15 * pixel, 0.01)
        )
        grain = 0.4 * value_noise(0.5 * u, 6 * v) + 0.5 * _cell(joint, v)
        return np.maximum(gap, grain)
    if material.pattern == 'checks':
        odd = (np.floor(u) + np.floor(v)).astype(np.int32) & 1
        return odd.astype(np.float32)
    return np.zeros_like(u)


def surface_colour(
    material: Material, u: np.ndarray, v: np.ndarray, pixel: np.ndarray
) -> list[np.ndarray]:
    """Colour at surface coordinates.

    Args:
        material: Look of the surface.
        u: First surface coordinate in metres, (N,).
        v: Second surface coordinate in metres (upwards on walls), (N,).
        pixel: Width of a pixel on the surface in metres, (N,).

    Returns:
        Red, green and blue in 0..1, each (N,).
    """
    u = u / material.scale + material.shift
    v = v / material.scale + material.shift
    if material.pattern in ('books', 'patches'):
        width = 1.0 if material.pattern == 'books' else 0.5
        along = v * width if material.pattern == 'patches' else v * 0
        return [
            a + (b - a) * _cell(u * width, along, 1 + k)
            for k, (a, b) in enumerate(
                zip(material.colour, material.second, strict=True)
            )
        ]
    if material.pattern == 'sky':
        weight = np.clip(v - material.shift + 0.5, 0, 1)
    else:
        pixel = pixel / material.scale
        weight = _weight(material, u, v, pixel)
        sharp = np.clip(0.5 / pixel - 0.75, 0, 1)
        weight = _MEAN[material.pattern] * (1 - sharp) + weight * sharp
    return [
        a + (b - a) * weight
        for a, b in zip(material.colour, material.second, strict=True)
    ]
