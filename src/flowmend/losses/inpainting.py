"""Distance to the true flow in the hole, after a refinement step (report, 3.4.1; reading R1)."""

from torch import Tensor

from flowmend.losses.reconstruction import l1_of_both
from flowmend.types import BothFlows, Confidence, Hole


def inpaint_l1(
    predicted: BothFlows, true: BothFlows, hole: Hole, confidence: Confidence | None = None
) -> Tensor:
    """mean over x in the hole of κ(x)·‖predicted(x) − true(x)‖₁, px: ``L_1^t`` (3.4.1, R1).

    The weighted sum is divided by the number of the hole's pixels, not by the sum of the weights:
    as in the report, the loss falls to 0 with the confidence, and its gradient says so to the
    confidence (claim C16). 0 where there is no hole.

    Args:
        predicted: flow decoded after the step, (B, T, 2 directions, 2, H, W), px.
        true: same shape.
        hole: True where flow is invented, bool (B, T, H, W).
        confidence: κ after the step, (B, T, H, W) in [0, 1]; None weighs all pixels with 1.
    """
    return l1_of_both(predicted, true, hole, confidence)
