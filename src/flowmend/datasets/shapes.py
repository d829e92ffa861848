"""Outlines of the moving shapes: random, mostly non-convex, some with a hole to see through.

Each function returns a *level*: positive inside, negative outside, and near the outline about the
signed distance to it. Coordinates are material: the shape fits the unit disc.
"""

import numpy as np
from jaxtyping import Float

Map = Float[np.ndarray, "height width"]


def _disc(u: Map, v: Map, centre_u: float, centre_v: float, radius: float) -> Map:
    return radius - np.hypot(u - centre_u, v - centre_v)


def _box(u: Map, v: Map, half_width: float, half_height: float) -> Map:
    across, down = np.abs(u) - half_width, np.abs(v) - half_height
    outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
    return -outside - np.minimum(np.maximum(across, down), 0)


def _capsule(u: Map, v: Map, angle: float, length: float, radius: float) -> Map:
    along = np.clip(u * np.cos(angle) + v * np.sin(angle), 0, length)
    return radius - np.hypot(u - along * np.cos(angle), v - along * np.sin(angle))


def blob(random: np.random.Generator, u: Map, v: Map) -> Map:
    """A wavy outline: harmonics 2 to 5 of the polar angle."""
    orders = np.arange(2, 6)
    heights = random.uniform(0.05, 0.3, 4) / np.sqrt(orders)
    phases = random.uniform(0, 2 * np.pi, 4)
    angle = np.arctan2(v, u)
    waves = np.cos(orders[:, None, None] * angle + phases[:, None, None])
    radius = (1 + np.tensordot(heights, waves, 1)) / (1 + heights.sum())
    # Along the radius the outline is met at a slant: about 0.8 of the way is the distance.
    return 0.8 * (radius - np.hypot(u, v))


def star(random: np.random.Generator, u: Map, v: Map) -> Map:
    """A star of 4 to 7 straight-sided points."""
    points, inner = random.integers(4, 8), random.uniform(0.4, 0.65)

    sector = np.pi / points
    fold = np.abs((np.arctan2(v, u) + sector) % (2 * sector) - sector)
    # Signed distance to the line from the tip (1, 0) to the inner corner at the angle `sector`.
    across, down = inner * np.sin(sector), 1 - inner * np.cos(sector)
    reach = np.hypot(u, v) * (across * np.cos(fold) + down * np.sin(fold))
    return (across - reach) / np.hypot(across, down)


def crescent(random: np.random.Generator, u: Map, v: Map) -> Map:
    """A disc bitten by another."""
    bite = random.uniform(0.55, 0.85)
    return np.minimum(_disc(u, v, 0, 0, 0.95), -_disc(u, v, random.uniform(0.5, 0.8), 0, bite))


def ring(random: np.random.Generator, u: Map, v: Map) -> Map:
    """An elliptic band around a hole."""
    squeeze = random.uniform(1.0, 1.35)
    return random.uniform(0.15, 0.25) - np.abs(np.hypot(u, squeeze * v) - 0.72)


def cross(random: np.random.Generator, u: Map, v: Map) -> Map:
    """Two bars; their offset makes crosses, Ts and Ls."""
    thick, long = random.uniform(0.18, 0.3, 2), random.uniform(0.6, 0.8, 2)
    offset_u, offset_v = random.uniform(-0.25, 0.25, 2)
    upright = _box(u - offset_u, v, thick[0], long[0])
    return np.maximum(upright, _box(u, v - offset_v, long[1], thick[1]))


def figure(random: np.random.Generator, u: Map, v: Map) -> Map:
    """A round body with limbs."""
    limbs = random.integers(3, 6)
    angles = 2 * np.pi * (np.arange(limbs) + random.uniform(-0.3, 0.3, limbs)) / limbs
    level = _disc(u, v, 0, 0, random.uniform(0.3, 0.45))
    for angle in angles:
        radius = random.uniform(0.12, 0.22)
        level = np.maximum(level, _capsule(u, v, angle, random.uniform(0.6, 0.95) - radius, radius))
    return level


def dumbbell(random: np.random.Generator, u: Map, v: Map) -> Map:
    """Two discs and the bar between them."""
    left, right = random.uniform(0.28, 0.45, 2)
    ends = np.maximum(
        _disc(u, v, left - 0.95, 0, left),
        _disc(u, v, 0.95 - right, 0, right),
    )
    return np.maximum(ends, _box(u, v, 0.6, random.uniform(0.1, 0.2)))


OUTLINES = (blob, star, crescent, ring, cross, figure, dumbbell)
