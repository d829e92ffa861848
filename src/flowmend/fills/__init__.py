"""Fills: what stands in a hole before (or instead of) a network. One protocol, one registry."""

from collections.abc import Callable

import numpy as np

from flowmend.fills.biharmonic import fill_biharmonic
from flowmend.fills.harmonic import fill_smooth
from flowmend.fills.opencv import fill_navier_stokes, fill_telea
from flowmend.fills.temporal import fill_temporal
from flowmend.fills.zero import fill_zero

# (flow (…, T, 2, H, W) px, hole (H, W) or (…, T, H, W)) -> float32 (…, T, 2, H, W), bitwise equal
# to the flow outside the hole. All but "temporal" fill each frame from itself alone.
Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]

FILLS: dict[str, Fill] = {
    "zero": fill_zero,
    "smooth": fill_smooth,
    "biharmonic": fill_biharmonic,
    "telea": fill_telea,
    "navier_stokes": fill_navier_stokes,
    "temporal": fill_temporal,
}

__all__ = ["FILLS", "Fill"]
