"""Distance to the true flow (report, 2.2.1), known pixels included."""

from torch import Tensor

from flowmend.geometry.derivatives import safe_norm
from flowmend.types import Flow

COMPONENTS = 2


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
    return safe_norm(p - q, dim=-3).mean()
