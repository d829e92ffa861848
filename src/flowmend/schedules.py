"""How much each refinement step's loss counts as training goes on (report, 3.5, eq. 3 and 4).

A schedule gives ``μ_t`` of the refinement steps t = 1 … t_max. They sum to ``1 − e^{−s/s₀}``, s
the training steps done, beside the decoder's 1 throughout, so that encoder and decoder are trained
first. The printed sums start at t = 0, the flow that is only encoded and decoded, and would train
the encoder to inpaint: here they start at the first refinement step.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Schedule = Callable[[int, int, float], Tensor]

_PRINTED_SIGMA = 500.0  # refinement steps, as the exponent counts
_READ_SIGMA = 0.5  # the same 500 as training steps, of s₀ = 1000


def eq3_printed(step: int, refinement_steps: int, s0_steps: float) -> Tensor:
    """Eq. 3 with σ = 500 beside an exponent that counts refinement steps: flat (reading R5).

    Takes, returns and raises as :func:`eq3_read`.
    """
    return _moving_window(_elapsed(step, s0_steps), _next_index(refinement_steps), _PRINTED_SIGMA)


def eq3_read(step: int, refinement_steps: int, s0_steps: float) -> Tensor:
    """Eq. 3 with σ = 500 training steps of s₀ = 1000: the peak moves with s (readings R4, R5).

    ``μ_t = c·(1 − e^{−s/s₀})·exp(−(t + 1 − s/s₀)²/(2σ²))``, σ = 0.5 refinement steps: at
    s = (t + 1)·s₀ step t counts most, and past the last the peak stays on it.

    Args:
        step: s, training steps done.
        refinement_steps: t_max.
        s0_steps: s₀, training steps.

    Returns:
        μ of the refinement steps 1 … t_max, float32 (t_max,).

    Raises:
        ValueError: a negative step, no refinement step, or s₀ not positive.
    """
    return _moving_window(_elapsed(step, s0_steps), _next_index(refinement_steps), _READ_SIGMA)


def eq4(step: int, refinement_steps: int, s0_steps: float) -> Tensor:
    """Eq. 4, ``μ_t = c·(1 − e^{−s/s₀})·(t + 1)²``: every step counts, the last most (R4).

    Takes, returns and raises as :func:`eq3_read`.
    """
    return _shared(_elapsed(step, s0_steps), _next_index(refinement_steps).square())


def last_step_only(step: int, refinement_steps: int, s0_steps: float) -> Tensor:
    """All weight on the last step: the choice that fails in the report's Figure 19.

    Takes, returns and raises as :func:`eq3_read`.
    """
    shares = torch.zeros_like(_next_index(refinement_steps))
    shares[-1] = 1
    return _shared(_elapsed(step, s0_steps), shares)


SCHEDULES: dict[str, Schedule] = {
    "eq3_printed": eq3_printed,
    "eq3_read": eq3_read,
    "eq4": eq4,
    "last_step_only": last_step_only,
}


def _moving_window(elapsed: float, index: Tensor, sigma: float) -> Tensor:
    # The square's term (s/s₀)² is common to all steps and left out: late in training it would
    # swallow their differences, and the quotient as printed is 0/0 past the last step.
    exponents = index * (2 * elapsed - index) / (2 * sigma**2)
    return _shared(elapsed, exponents.softmax(0))


def _shared(elapsed: float, shares: Tensor) -> Tensor:
    """``1 − e^{−s/s₀}`` in these shares."""
    return (abs(math.expm1(-elapsed)) * shares / shares.sum()).float()


def _elapsed(step: int, s0_steps: float) -> float:
    """s/s₀."""
    if step < 0 or not s0_steps > 0:
        raise ValueError(f"training step {step} of a schedule with s₀ = {s0_steps}")
    return step / s0_steps


def _next_index(refinement_steps: int) -> Tensor:
    """t + 1 for t = 1 … t_max, float64."""
    if refinement_steps < 1:
        raise ValueError(f"a schedule needs a refinement step, got {refinement_steps}")
    return torch.arange(2, refinement_steps + 2, dtype=torch.float64)
