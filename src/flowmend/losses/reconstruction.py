"""Distance to the true flow (report, 2.2.1), known pixels included unless a region is given."""

from torch import Tensor

from flowmend.geometry.derivatives import safe_norm
from flowmend.losses.region import mean_over
from flowmend.types import Flow

_COMPONENT = -3


def l1(p: Flow, q: Flow, where: Tensor | None = None) -> Tensor:
    """mean over x of ‖p(x) − q(x)‖₁, px: |Δx| + |Δy|, not their mean (report, 2.2.1).

    Args:
        p: predicted, (…, 2, H, W), px.
        q: true, same shape.
        where: pixels that count, bool, broadcast to (…, H, W); None for all.
    """
    return mean_over((p - q).abs().sum(_COMPONENT), where)


def l2(p: Flow, q: Flow, where: Tensor | None = None) -> Tensor:
    """mean over x of ‖p(x) − q(x)‖₂, px; finite gradient where p = q (report, 2.2.1).

    The norm itself, not its square: the mean end-point error, good to 1e-6 px.

    Args:
        p: predicted, (…, 2, H, W), px.
        q: true, same shape.
        where: pixels that count, bool, broadcast to (…, H, W); None for all.
    """
    return mean_over(safe_norm(p - q, _COMPONENT), where)
