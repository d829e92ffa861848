"""The 16 symmetries of the square and of time, under which a clip stays a possible clip.

Maps are channels-last here, (B, H, W, …): the layout of batches in memory.
"""

from functools import cache

import numpy as np

# A symmetry is a sum of these.
MIRROR_X, MIRROR_Y, REVERSE_TIME, TRANSPOSE = 1, 2, 4, 8
OF_A_SQUARE, OF_AN_OBLONG = 16, 8  # how many there are: only a square can be transposed


def turned(maps: np.ndarray, symmetry: int) -> np.ndarray:
    """View of maps (B, H, W, …) with their pixels, but not their channels, under a symmetry."""
    maps = maps[:, ::-1] if symmetry & MIRROR_Y else maps
    maps = maps[:, :, ::-1] if symmetry & MIRROR_X else maps
    return maps.swapaxes(1, 2) if symmetry & TRANSPOSE else maps


def turned_back(maps: np.ndarray, symmetry: int) -> np.ndarray:
    """The inverse of :func:`turned`: what is written to this view appears turned in ``maps``."""
    maps = maps.swapaxes(1, 2) if symmetry & TRANSPOSE else maps
    return turned(maps, symmetry & ~TRANSPOSE)


@cache
def flow_action(symmetry: int, frames: int) -> np.ndarray:
    """What a symmetry does to the flow at a pixel: ``flow @ action``, a signed permutation.

    Mirrors negate a component, transposition swaps the two, and time reversal swaps forward and
    backward flow. Channels are (T, 2 directions [forward, backward], 2 components) in C order.
    """
    signs = [-1 if symmetry & bit else 1 for bit in (MIRROR_X, MIRROR_Y)]
    source = np.arange(frames * 4).reshape(frames, 2, 2)
    sign = np.broadcast_to(np.array(signs, np.float32), source.shape)
    if symmetry & REVERSE_TIME:
        source = source[::-1, ::-1]
    if symmetry & TRANSPOSE:
        source, sign = source[..., ::-1], sign[..., ::-1]
    action = np.zeros((source.size, source.size), np.float32)
    action[source.ravel(), np.arange(source.size)] = sign.ravel()
    return action


@cache
def vector_action(symmetry: int) -> np.ndarray:
    """What a symmetry does to one vector at a pixel: ``vector @ action``, (2, 2)."""
    return flow_action(symmetry & ~REVERSE_TIME, 1)[:2, :2]
