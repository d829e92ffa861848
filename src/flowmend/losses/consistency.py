"""How flows of consecutive frames agree (report, 2.2.2 and 2.2.6); no truth is needed."""

import torch
from torch import Tensor

from flowmend.geometry import derivatives
from flowmend.geometry.round_trip import round_trip
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
    return mean_over(round_trip(flows[:, :-1, 0], flows[:, 1:, 1]), where)


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
