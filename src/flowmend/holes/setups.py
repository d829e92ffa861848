"""Which frames of a clip have the hole (report, 2.1.4; R2)."""

import numpy as np


def setup_frames(setup: str, frames: int) -> np.ndarray:
    """Frames that a setup hides, bool (frames,).

    ``middle_two``: the two in the middle (of an odd number: the middle one and the one before);
    ``all_frames``: all; ``sandwich``: all but the first and the last.

    Raises:
        ValueError: an unknown setup, or fewer frames than it takes (2, 1 and 3).
    """
    hidden = np.zeros(frames, bool)
    if setup == "middle_two" and frames >= 2:
        hidden[frames // 2 - 1 : frames // 2 + 1] = True
    elif setup == "all_frames" and frames >= 1:
        hidden[:] = True
    elif setup == "sandwich" and frames >= 3:
        hidden[1:-1] = True
    else:
        raise ValueError(f"setup {setup!r} with {frames} frames")
    return hidden
