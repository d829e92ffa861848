"""Distance to the true flow (report, 2.2.1), known pixels included."""

import torch
from torch import Tensor

from flowmend.types import Flow

COMPONENTS = 2
FINITE_PX = 1e-6  # under the root: its gradient is finite where the flows agree


def l1(p: Flow, q: Flow) -> Tensor:
    """mean over x of ‖p(x) − q(x)‖₁, px (report, 2.2.1).

    Args:
        p: predicted, (…, 2, H, W), px.
        q: true, same shape.
    """
    return (p - q).abs().mean() * COMPONENTS


def l2(p: Flow, q: Flow) -> Tensor:
    """mean over x of ‖p(x) − q(x)‖₂, px; finite gradient where p = q (report, 2.2.1).

    Args:
        p: predicted, (…, 2, H, W), px.
        q: true, same shape.
    """
    x, y = (p - q).unbind(dim=-3)
    return torch.sqrt(x.square() + y.square() + FINITE_PX**2).mean()
