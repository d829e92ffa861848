"""Total variation in the hole: flow is piecewise smooth (report, 3.4.2)."""

from torch import Tensor

from flowmend.geometry import derivatives
from flowmend.types import BothFlows, Hole


def total_variation(
    predicted: BothFlows, true: BothFlows, hole: Hole, of_difference: bool
) -> Tensor:
    """``‖true − predicted‖_TV`` as the report prints it, or ``‖predicted‖_TV``, px (3.4.2).

    Isotropic variation, summed over the two components and averaged over the directions; what
    steps into the hole counts as well as what steps out of it, so that a seam costs the same on
    each side. The sum is divided by the number of the hole's pixels. 0 where there is no hole.

    Args:
        predicted: flow decoded after the step, composited with the truth outside the hole,
            (B, T, 2 directions, 2, H, W), px.
        true: same shape.
        hole: True where flow is invented, bool (B, T, H, W).
        of_difference: measure the error, whose least is the truth; else the prediction itself,
            whose least is a constant.
    """
    measured = predicted - true if of_difference else predicted
    variation = derivatives.total_variation(measured).mean(-3)
    counts = _steps_into(hole)
    inside = variation.where(counts, variation.new_zeros(()))
    return inside.sum() / hole.sum().clamp(min=1)


def _steps_into(hole: Hole) -> Hole:
    """Pixels whose forward differences touch the hole: itself, and one before it on each axis."""
    touched = hole.clone()
    touched[..., :-1] |= hole[..., 1:]
    touched[..., :-1, :] |= hole[..., 1:, :]
    return touched
