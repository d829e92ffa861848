"""A clip whose truth, copy and occlusions are plain to see."""

import numpy as np

SIZE = 24


def square_clip(shift: int, frames: int = 3, size: int = SIZE) -> np.ndarray:
    """A square moves to the right by ``shift`` px a frame over a background at rest."""
    flow = np.zeros((frames, 2, 2, size, size), np.float32)
    for t in range(frames):
        left = 4 + shift * t
        flow[t, 0, 0, 8:16, left : left + 8] = shift
        flow[t, 1, 0, 8:16, left : left + 8] = -shift
    return flow
