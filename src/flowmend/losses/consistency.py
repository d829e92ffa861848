"""How flows of consecutive frames agree (report, 2.2.2, 2.2.6, 3.4.3); no truth is needed."""

import torch
from torch import Tensor

from flowmend.geometry import derivatives, round_trip
from flowmend.losses.region import mean_over
from flowmend.types import BothFlows


def forward_backward(flows: BothFlows, where: Tensor | None = None) -> Tensor:
    """mean over x and t of ‖f_t(x) + b_{t+1}(x + f_t(x))‖₂, px (report, 2.2.2).

    The last frame's forward flow has no partner and is left out. Zero flow is an exact minimum:
    a regulariser only.

    Args:
        flows: (B, T, 2 directions [forward, backward], 2, H, W), px.
        where: where round trips count, by the pair of frames: bool, (B, T − 1, H, W); None for
            everywhere.
    """
    return mean_over(round_trip.round_trip(flows[:, :-1, 0], flows[:, 1:, 1]), where)


def min_round_trip(flows: BothFlows, where: Tensor | None = None) -> Tensor:
    """mean over x and t of the smaller round trip, through frame t+1 or through t−1, px (3.4.3).

    ``min( ‖f_t(x) + b_{t+1}(x + f_t(x))‖ , ‖b_t(x) + f_{t−1}(x + b_t(x))‖ )``: the print's minus
    and its second f+1 are read as R3 says. Only frames with both neighbours have both trips, so
    that a clip's first and last are followed into but do not count themselves. Zero flow is an
    exact minimum: a regulariser only.

    Args:
        flows: (B, T, 2 directions [forward, backward], 2, H, W), px.
        where: where errors count, bool (B, T, H, W); None for everywhere.

    Raises:
        ValueError: fewer than three frames.
    """
    if flows.shape[1] < 3:
        raise ValueError(f"no frame of {flows.shape[1]} has a neighbour on both sides")
    forward, backward = flows.unbind(2)
    errors = round_trip.min_round_trip(
        forward[:, 1:-1], backward[:, 2:], backward[:, 1:-1], forward[:, :-2]
    )
    return mean_over(errors, None if where is None else where[:, 1:-1])


def spatio_temporal(flows: BothFlows, where: Tensor | None = None) -> Tensor:
    """mean over x and t of ‖∇( f_{t+1}(x + f_t(x)) − f_t(x) )‖, px per px (report, 2.2.6).

    The report shows this error and then drops it ("left behind for the rest of the work"), since
    it draws the same edges as the gradient of the forward-backward error. Zero for any constant
    flow: a regulariser only. The print's "e.g." names the forward flow; here the backward flow,
    b_{t+1} followed to b_t, counts as much, so that neither direction is left free.

    Args:
        flows: (B, T, 2 directions [forward, backward], 2, H, W), px.
        where: where errors count, by the pair of frames: bool, (B, T − 1, H, W); None for
            everywhere.
    """
    forward, backward = flows.unbind(2)
    errors = torch.stack(
        (
            derivatives.spatio_temporal(forward[:, :-1], forward[:, 1:]),
            derivatives.spatio_temporal(backward[:, 1:], backward[:, :-1]),
        )
    )
    return mean_over(errors, where)
