"""Windows around holes: what a training step looks at in place of the whole frame.

A window holds all that a correction to the fill can get wrong, at a quarter of a frame's cost.
The networks are convolutions, so that they mend whole frames afterwards.
"""

import math

import numpy as np
from jaxtyping import Bool

STEP_PX = 8
_CONTEXT = 4 / 3  # side of a window over the longest side of a hole


def window_px(holes: Bool[np.ndarray, "clips shapes height width"]) -> tuple[int, int]:
    """Height and width that hold every hole with some context, in steps of 8 px.

    Square, so that windows can be transposed, unless the frame is too narrow for it.
    """
    height, width = holes.shape[-2:]
    longest = max(_longest(np.any(holes, axis=-1)), _longest(np.any(holes, axis=-2)))
    side = math.ceil(longest * _CONTEXT / STEP_PX) * STEP_PX
    return min(side, height), min(side, width)


def corner(hole: Bool[np.ndarray, "height width"], window: tuple[int, int]) -> tuple[int, int]:
    """Top row and left column of the window around a hole's middle, inside the frame."""
    top = _start(np.any(hole, axis=1), window[0])
    return top, _start(np.any(hole, axis=0), window[1])


def _longest(lines: Bool[np.ndarray, "*holes side"]) -> int:
    """The greatest extent of any hole, from its first line to its last."""
    extents = lines.shape[-1] - lines.argmax(axis=-1) - lines[..., ::-1].argmax(axis=-1)
    return int(extents[lines.any(axis=-1)].max(initial=1))


def _start(lines: Bool[np.ndarray, "side"], window: int) -> int:
    first, last = np.flatnonzero(lines)[[0, -1]]
    return int(np.clip((first + last + 1 - window) // 2, 0, len(lines) - window))
