"""There and back along two flows: zero where they agree (report, 2.2.2 and 3.4.3)."""

import torch
from jaxtyping import Bool
from torch import Tensor

from flowmend.geometry.derivatives import safe_norm
from flowmend.geometry.warp import warp
from flowmend.types import ErrorMap, Flow


def round_trip(f: Flow, b_next: Flow) -> ErrorMap:
    """``‖f_t(x) + b_{t+1}(x + f_t(x))‖``, px (report, 2.2.2).

    The same function serves the opposite trip: ``round_trip(b_t, f_{t-1})``. Near a motion border
    bilinear interpolation mixes two motions, so that even the true flow does not score zero.

    Args:
        f: flow from frame t, px.
        b_next: flow of the frame in which ``f`` lands, back to frame t, px.
    """
    return safe_norm(f + warp(b_next, f)[0], dim=-3)


def min_round_trip(f_t: Flow, b_next: Flow, b_t: Flow, f_prev: Flow) -> ErrorMap:
    """The smaller of the round trips through frame t+1 and through frame t−1, px (3.4.3).

    ``min( ‖f_t(x) + b_{t+1}(x + f_t(x))‖ , ‖b_t(x) + f_{t−1}(x + b_t(x))‖ )``: opposite flows
    cancel by adding, and ``b_t`` lands in frame t−1 (reading R3).

    Args:
        f_t: forward flow of frame t.
        b_next: backward flow of frame t+1.
        b_t: backward flow of frame t.
        f_prev: forward flow of frame t−1.
    """
    return torch.minimum(round_trip(f_t, b_next), round_trip(b_t, f_prev))


def occlusion(f: Flow, b_next: Flow, threshold_px: float) -> Bool[Tensor, "*batch height width"]:
    """True where the point leaves the frame or does not return within ``threshold_px``."""
    _, inside = warp(b_next, f)
    return (round_trip(f, b_next) > threshold_px) | ~inside
