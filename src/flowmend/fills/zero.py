"""The report's other initial fill: nothing at all (2.1.2)."""

import numpy as np

from flowmend.fills.frames import fill_frames


def fill_zero(flow: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Flow (…, 2, H, W) with 0 px in the hole ((H, W) or (…, H, W))."""
    return fill_frames(flow, hole, lambda fields, where: np.zeros((len(fields), where.sum())))
