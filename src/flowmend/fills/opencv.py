"""Telea's and the Navier–Stokes fill of OpenCV, on flow."""

import cv2
import numpy as np

from flowmend.fills.frames import fill_frames

# OpenCV's float32 inpainting adds constants meant for 8-bit rounding: at flow's own scale they
# would be whole pixels (EPE 1.5 instead of 0.54 px). A power of two scales without loss.
_UNITS_PER_PX = 2.0**16
_RADIUS_PX = 3.0


def fill_telea(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fast marching (Telea 2004), each component of each frame apart; shapes as in the others."""
    return fill_frames(flow, hole, lambda fields, where: _solve(fields, where, cv2.INPAINT_TELEA))


def fill_navier_stokes(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Navier–Stokes (Bertalmio et al. 2001), each component apart; shapes as in the others."""
    return fill_frames(flow, hole, lambda fields, where: _solve(fields, where, cv2.INPAINT_NS))


def _solve(fields: np.ndarray, hole: np.ndarray, method: int) -> np.ndarray:
    where = hole.astype(np.uint8)
    painted = [
        cv2.inpaint(field * np.float32(_UNITS_PER_PX), where, _RADIUS_PX, method)[hole]
        for field in fields
    ]
    return np.stack(painted) / _UNITS_PER_PX
