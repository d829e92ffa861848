"""Distance to the true flow (report, 2.2.1), known pixels included unless a region is given."""

from torch import Tensor

from flowmend.geometry.derivatives import safe_norm
from flowmend.losses.region import mean_over
from flowmend.types import BothFlows, Confidence, Flow, Hole

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


def l1_of_both(p: BothFlows, q: BothFlows, where: Hole, weight: Confidence | None = None) -> Tensor:
    """:func:`l1` with one region for both directions, each pixel's error weighted if asked, px.

    Divided by the number of pixels, whatever their weights; 0 where no pixel is chosen.

    Args:
        p: predicted, (B, T, 2 directions, 2, H, W), px.
        q: true, same shape.
        where: pixels that count, bool (B, T, H, W).
        weight: (B, T, H, W), or None for 1.
    """
    # Both directions are summed before anything is chosen or weighted: a quarter of the traffic.
    apart = (p - q).abs().flatten(_COMPONENT - 1, _COMPONENT).movedim(_COMPONENT, -1)
    errors = apart @ apart.new_full(apart.shape[-1:], 0.5)  # in half the time of a sum
    return mean_over(errors if weight is None else errors * weight, where)
