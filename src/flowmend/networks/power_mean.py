"""The power mean of confidences in a window, with its gradient by hand (report, eq. 1).

Maps of one to three channels cost a call each, not arithmetic: left to autograd, the mean takes
twice as many calls.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.networks.box_sum import box_spread, box_sum, taps_of_windows

# Added to zero confidence before its logarithm is taken (M^p has no finite gradient there).
FLOOR = 1e-3
# Powers of what lies in [FLOOR, 1] are taken of it over CENTRE: neither they nor a window's sum
# of them then leave float32's range for any p up to LARGEST_P. A logsumexp, which knows no
# largest p, takes two and a half times as long.
CENTRE, LARGEST_P = FLOOR**0.5, 24.0


def power_mean(
    confidence: Float[Tensor, "batch sources height width"],
    parts: Float[Tensor, "batch sources"],
    p: Float[Tensor, ""],
    size: int,
) -> Float[Tensor, "batch 1 height width"]:
    """(sum w M^p / sum w)^(1/p) over sources and window, in [0, 1].

    It is taken of FLOOR + (1 - FLOOR) M and mapped back. Once differentiable, in the first three.

    Args:
        confidence: M, in [0, 1].
        parts: w of each source over their sum; all 0 where there is none.
        p: the exponent, in (0, LARGEST_P).
        size: of the window, odd, px.
    """
    mean: Tensor = _PowerMean.apply(confidence, parts, p, size)
    return mean


class _PowerMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, confidence: Tensor, parts: Tensor, p: Tensor, size: int) -> Tensor:
        lifted = (confidence * (1 - FLOOR)).add_(FLOOR)
        logs = (lifted / CENTRE).log_()
        powers = (logs * p).exp_()
        taps = taps_of_windows(confidence, size)
        mean = box_sum(powers, parts, size).div_(taps)
        # The clamps touch samples without any source, and rounding errors.
        root_log = mean.clamp_(min=torch.finfo(mean.dtype).tiny).log().div_(p)
        root = root_log.exp()
        lowered = ((root * CENTRE).sub_(FLOOR)).div_(1 - FLOOR)
        out = lowered.clamp(0, 1)
        ctx.size = size
        ctx.save_for_backward(
            lifted, logs, powers, parts, p, mean.mul_(taps), root_log, root, out == lowered
        )
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        lifted, logs, powers, parts, p, total, root_log, root, inside = ctx.saved_tensors
        of_log = (gradient * inside).mul_(root).mul_(CENTRE / (1 - FLOOR)).div_(p)
        of_powers, of_parts = box_spread(of_log / total, powers, parts, ctx.size)
        of_powers.mul_(powers)
        of_p = (of_powers * logs).sum() - (of_log * root_log).sum()
        return of_powers.mul_(p * (1 - FLOOR)).div_(lifted), of_parts, of_p, None
