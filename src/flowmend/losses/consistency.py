"""Agreement of forward and backward flow (report, 2.2.2)."""

import torch
from torch import Tensor

from flowmend.geometry.round_trip import round_trip
from flowmend.types import BothFlows


def forward_backward(flows: BothFlows) -> Tensor:
    """mean over x and t of ‖f_t(x) + b_{t+1}(x + f_t(x))‖₂, px (report, 2.2.2).

    The last frame's forward flow has no partner and is left out. Zero flow is an exact minimum:
    a regulariser only.

    Args:
        flows: (B, T, 2 directions [forward, backward], 2, H, W), px.
    """
    return round_trip(flows[:, :-1, 0], flows[:, 1:, 1]).mean()


def with_true_neighbours(predicted: BothFlows, true: BothFlows, hidden: slice) -> BothFlows:
    """Predicted flow of the hidden frames between the true flow of the frames beside them.

    In the setup ``middle_two`` the round trips compared are then (f₁ true, b₂), (f₂, b₃) and
    (f₃, b₄ true), counting from 1 as the report does (2.2.7). Frames at a clip's end have no
    neighbour beyond it.

    Args:
        predicted, true: (B, T, 2 directions, 2, H, W), px.
        hidden: the frames that the network invents.
    """
    before, after = (
        slice(max(hidden.start - 1, 0), hidden.start),
        slice(hidden.stop, hidden.stop + 1),
    )
    return torch.cat([true[:, before], predicted[:, hidden], true[:, after]], dim=1)
