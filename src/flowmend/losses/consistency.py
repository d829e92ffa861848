"""Agreement of forward and backward flow (report, 2.2.2)."""

from torch import Tensor

from flowmend.geometry.round_trip import round_trip
from flowmend.types import FlowSequence


def forward_backward(forward: FlowSequence, backward: FlowSequence) -> Tensor:
    """mean over x and t of ‖f_t(x) + b_{t+1}(x + f_t(x))‖₂, px.

    The last frame's forward flow has no partner in the clip and is left out. Zero flow is an
    exact minimum: a regulariser only.

    Args:
        forward: (…, T, 2, H, W), px.
        backward: same shape.
    """
    return round_trip(forward[..., :-1, :, :, :], backward[..., 1:, :, :, :]).mean()
