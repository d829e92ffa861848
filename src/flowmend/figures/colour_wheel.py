"""Flow as colour after the Middlebury benchmark: hue is the direction, saturation the speed.

S. Baker, D. Scharstein, J. P. Lewis, S. Roth, M. J. Black, R. Szeliski, "A Database and Evaluation
Methodology for Optical Flow", IJCV 92, 2011; the 55 hues are those of its color coding.
"""

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

# (hues on the way, colour at its start): red, yellow, green, cyan, blue, magenta and back to red.
_CORNERS = (
    (15, (1, 0, 0)),
    (6, (1, 1, 0)),
    (4, (0, 1, 0)),
    (11, (0, 1, 1)),
    (13, (0, 0, 1)),
    (6, (1, 0, 1)),
)
_TOO_FAST_DIMS_TO = 0.75


def wheel() -> Float[ndarray, "hues rgb"]:
    """The wheel's 55 hues, RGB in [0, 1]; hue 0 (red) means motion to the right."""
    ends = [np.array(colour) for _, colour in (*_CORNERS[1:], _CORNERS[0])]
    parts = []
    for (count, start), end in zip(_CORNERS, ends):
        share = np.floor(255 * np.arange(count) / count)[:, None] / 255
        # The falling channel is 255 minus the rounded rise, as published.
        parts.append(np.array(start) + share * (end - np.array(start)))
    return np.concatenate(parts)


def flow_colours(
    flow: Float[ndarray, "*batch 2 height width"], largest_px: float
) -> UInt8[ndarray, "*batch 3 height width"]:
    """Colours of a flow: white at rest, full at ``largest_px``, dimmed beyond, black if unknown.

    Args:
        flow: px.
        largest_px: the speed of the wheel's rim.
    """
    known = np.isfinite(flow).all(axis=-3)
    x, y = np.moveaxis(np.where(known[..., None, :, :], flow, 0.0) / largest_px, -3, 0)
    speed = np.hypot(x, y)[..., None]
    hues = wheel()
    position = (np.arctan2(-y, -x) / np.pi + 1) / 2 * (len(hues) - 1)
    below = np.floor(position).astype(int)
    share = (position - below)[..., None]
    hue = (1 - share) * hues[below] + share * hues[(below + 1) % len(hues)]
    colour = np.where(speed <= 1, 1 - speed * (1 - hue), hue * _TOO_FAST_DIMS_TO)
    levels = np.floor(255 * colour).astype(np.uint8) * known[..., None].astype(np.uint8)
    return np.moveaxis(levels, -1, -3)


def wheel_picture(side: int) -> UInt8[ndarray, "4 side side"]:
    """The wheel itself as RGBA: the colour at (x, y) is that of motion towards (x, y)."""
    axis = np.linspace(-1.04, 1.04, side, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    inside = np.hypot(x, y) <= 1
    colours = flow_colours(np.stack((x, y)), 1.0)
    return np.concatenate((colours, np.where(inside, 255, 0).astype(np.uint8)[None]))
