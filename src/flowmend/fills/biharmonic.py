"""Biharmonic fill: the thin plate clamped along the hole's border."""

import numpy as np

from flowmend.fills.frames import fill_frames
from flowmend.fills.least_energy import MEMBRANE, Stencil, least_energy

_SQRT2 = 2.0**0.5
THIN_PLATE: tuple[Stencil, ...] = (
    ((0, 0, 1.0), (0, 1, -2.0), (0, 2, 1.0)),
    ((0, 0, 1.0), (1, 0, -2.0), (2, 0, 1.0)),
    ((0, 0, _SQRT2), (0, 1, -_SQRT2), (1, 0, -_SQRT2), (1, 1, _SQRT2)),
)
# A breath of membrane, so that the plate is unique even where the known pixels lie on one line.
_MEMBRANE_SHARE = 1e-8
_BREATH = tuple(
    tuple((row, column, weight * _MEMBRANE_SHARE**0.5) for row, column, weight in stencil)
    for stencil in MEMBRANE
)


def fill_biharmonic(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill each component of each frame with the plate of least Σ u_xx² + 2 u_xy² + u_yy².

    Second differences are taken wherever their pixels lie in the frame, over known and hole
    pixels alike: inside, this is the 13-point biharmonic equation with the values *and* slopes of
    the hole's border; at the frame's edge the plate is free, so that an affine flow (a camera
    that turns or zooms) is continued exactly, there too.

    Args:
        flow: (…, 2, H, W), px; what is in the hole is not read.
        hole: (H, W), or one a frame (…, H, W), bool.

    Returns:
        float32 (…, 2, H, W), equal to ``flow`` outside the hole, 0 in a frame that is all hole.
    """
    return fill_frames(flow, hole, _solve)


def _solve(fields: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return least_energy(fields, hole, THIN_PLATE + _BREATH)
