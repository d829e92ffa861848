"""Random colour textures: patterns of two colours under uneven light and fine grain."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Field = Float[np.ndarray, "height width"]


def value_noise(
    random: np.random.Generator, height: int, width: int, coarsest_px: float, finest_px: float
) -> Field:
    """Smooth noise in about [-1, 1]: random grids, each finer and weaker than the last."""
    noise = np.zeros((height, width), np.float32)
    cell, strength = coarsest_px, 1.0
    while cell >= finest_px:
        shape = (int(np.ceil(height / cell)) + 2, int(np.ceil(width / cell)) + 2)
        grid = random.uniform(-strength, strength, shape).astype(np.float32)
        noise += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cell, strength = cell / 2, strength * 0.6
    return noise


def _stripes(random: np.random.Generator, u: Field, v: Field) -> Field:
    angle = random.uniform(0, np.pi)
    return np.sin(2 * np.pi * (u * np.cos(angle) + v * np.sin(angle)))


def _checks(random: np.random.Generator, u: Field, v: Field) -> Field:
    return np.sin(2 * np.pi * u) * np.sin(2 * np.pi * v) * 2


def _dots(random: np.random.Generator, u: Field, v: Field) -> Field:
    return np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v) - random.uniform(0.2, 1.0)


def _clouds(random: np.random.Generator, u: Field, v: Field) -> Field:
    return np.zeros_like(u)


PATTERNS = (_clouds, _stripes, _checks, _dots)


def palette(
    random: np.random.Generator, saturation: tuple[float, float]
) -> Float[np.ndarray, "2 3"]:
    """Two RGB colours of different lightness, 0 to 255."""
    hue = random.uniform(0, 360) + np.array([0, random.uniform(-70, 70)])
    value = np.array([random.uniform(0.2, 0.5), random.uniform(0.6, 1.0)])
    hsv = np.stack((hue % 360, random.uniform(*saturation, 2), value), axis=-1).astype(np.float32)
    return 255 * cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]


def texture(
    random: np.random.Generator,
    height: int,
    width: int,
    period_px: float,
    saturation: tuple[float, float],
) -> UInt8[np.ndarray, "height width 3"]:
    """One texture, RGB, channels last for OpenCV.

    Args:
        period_px: of its pattern; the coarsest clouds are twice as large, the grain 3 px.
        saturation: range of its two colours' saturation, 0 to 1.
    """
    clouds = value_noise(random, height, width, 2 * period_px, 3.0)
    # Warped a little, so that no pattern is a plain lattice on which flow would be ambiguous.
    rows, columns = np.mgrid[:height, :width].astype(np.float32) / period_px
    pattern = PATTERNS[random.integers(len(PATTERNS))]
    wave = pattern(random, columns + 0.2 * clouds, rows - 0.2 * clouds)
    mix = 1 / (1 + np.exp(-2.5 * (wave + clouds)))
    dark, light = palette(random, saturation).astype(np.float32)
    grain = 14 * value_noise(random, height, width, 6.0, 2.0)
    colours = dark + mix[..., None] * (light - dark) + grain[..., None]
    return np.clip(colours, 0, 255).astype(np.uint8)
