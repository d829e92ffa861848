"""Smooth fill: the harmonic interpolation of the hole's border (report 2.1.2, 3.3.3)."""

import numpy as np

from flowmend.fills.frames import fill_frames
from flowmend.fills.least_energy import Stencil, least_energy

MEMBRANE: tuple[Stencil, ...] = (
    ((0, 0, -1.0), (0, 1, 1.0)),
    ((0, 0, -1.0), (1, 0, 1.0)),
)


def fill_smooth(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill each component of each frame with the membrane of least Σ|∇u|².

    Every hole pixel becomes the mean of its neighbours in the frame (5-point Laplace equation):
    Dirichlet values on the hole's border, Neumann where the hole meets the frame's edge.

    Args:
        flow: (…, 2, H, W), px; what is in the hole is not read.
        hole: (H, W), or one a frame (…, H, W), bool.

    Returns:
        float32 (…, 2, H, W), equal to ``flow`` outside the hole, 0 in a frame that is all hole.
    """
    return fill_frames(flow, hole, _solve)


def _solve(fields: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return least_energy(fields, hole, MEMBRANE)
