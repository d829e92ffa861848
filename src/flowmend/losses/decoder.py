"""What encoder and decoder must keep before anything is refined (report, 3.4; reading R1)."""

from torch import Tensor

from flowmend.losses.reconstruction import l1_of_both
from flowmend.types import BothFlows, Hole


def decoder(decoded: BothFlows, true: BothFlows, hole: Hole) -> Tensor:
    """mean over known x of ‖decoded(x) − true(x)‖₁, px: ``L_decoder`` of the report (3.4).

    The printed ``(1 − H)`` would select the hole, since H = 0 inside; by meaning the decoder is
    judged on known pixels (reading R1, Algorithm 1). 0 where nothing is known.

    Args:
        decoded: Dec(Enc(flow)) at step 0, (B, T, 2 directions, 2, H, W), px.
        true: same shape.
        hole: True where flow is invented, bool (B, T, H, W).
    """
    return l1_of_both(decoded, true, ~hole)
