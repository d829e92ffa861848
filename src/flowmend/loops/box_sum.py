"""The loops of :mod:`flowmend.networks.box_sum`: maps of a few sources, one image at a time."""

import numpy as np
from numpy import ndarray

from flowmend.loops.compiled import Count, compiled


@compiled
def sum_windows(maps: ndarray, weights: ndarray, size: Count, out: ndarray) -> None:
    """Fill ``out``.

    Args:
        maps: (N, S, H, W).
        weights: (N, S).
        size: of the window, odd, px.
        out: (N, H, W).
    """
    images, sources, height, width = maps.shape
    border, reach = len(size) - 1, len(size) // 2
    padded = np.zeros((height + border, width + border), maps.dtype)
    for n in range(images):
        for y in range(height):
            for x in range(width):
                padded[y + reach, x + reach] = weights[n, 0] * maps[n, 0, y, x]
            for s in range(1, sources):
                for x in range(width):
                    padded[y + reach, x + reach] += weights[n, s] * maps[n, s, y, x]
        _sum_taps(padded, size, out[n])


@compiled
def spread_windows(
    gradient: ndarray,
    maps: ndarray,
    weights: ndarray,
    size: Count,
    to_maps: ndarray,
    to_weights: ndarray,
) -> None:
    """Fill the last two with the gradients of :func:`sum_windows`' first two arguments."""
    images, sources, height, width = maps.shape
    border, reach = len(size) - 1, len(size) // 2
    padded = np.zeros((height + border, width + border), maps.dtype)
    spread, lanes = np.empty((height, width), maps.dtype), np.empty(width, maps.dtype)
    for n in range(images):
        padded[reach : reach + height, reach : reach + width] = gradient[n]
        # Its own adjoint: the window is as far from a pixel as the pixel from it.
        _sum_taps(padded, size, spread)
        for s in range(sources):
            lanes[:] = 0
            for y in range(height):
                for x in range(width):
                    to_maps[n, s, y, x] = weights[n, s] * spread[y, x]
                    lanes[x] += maps[n, s, y, x] * spread[y, x]
            to_weights[n, s] = lanes.sum()


@compiled
def _sum_taps(padded: ndarray, size: Count, out: ndarray) -> None:
    zero = out.dtype.type(0)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total = zero
            for row in range(len(size)):
                for column in range(len(size)):
                    total += padded[y + row, x + column]
            out[y, x] = total
