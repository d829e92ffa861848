"""What minimises the forward–backward error at an occlusion, in one dimension (2.2.4, R7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from flowmend.evaluation.tasks import TaskRow

Case = Literal["disocclusion", "occlusion"]
STEP_PX = 1 / 512


@dataclass(frozen=True)
class Minimiser:
    """The flow that minimises the round trip at each position, from exhaustive search.

    Attributes:
        x: positions, px.
        at_t, at_next: true forward flow of frames t and t+1, px.
        smallest, largest: the smallest and the largest of the minimising flows, px; they differ
            where the round trip alone cannot tell.
        error: the round trip that remains, px.
    """

    x: Float[ndarray, "positions"]
    at_t: Float[ndarray, "positions"]
    at_next: Float[ndarray, "positions"]
    smallest: Float[ndarray, "positions"]
    largest: Float[ndarray, "positions"]
    error: Float[ndarray, "positions"]


def minimise_round_trip(case: Case, step_px: float = STEP_PX) -> Minimiser:
    """``argmin_y |y − u(x + y)|``, u the forward flow of frame t+1 (reading R7, pitfall 5).

    An object moves to the right by 1 px a frame over a background at rest. Its leading edge, at 0
    in frame t and at 1 in frame t+1, occludes; its trailing edge, at the same places, uncovers.
    For x > 1/2 at the occlusion the minimum is an infimum: the search ends one step above 1 − x.

    Args:
        case: which edge.
        step_px: spacing of the flows that are tried, and of half the positions.
    """
    x = np.arange(-1.0, 2.0 + step_px, 2 * step_px)
    tried = np.arange(-0.5, 1.5 + step_px, step_px)
    error = np.abs(tried - _flow(case, x[:, None] + tried, edge=1.0))
    least = error.min(axis=1, keepdims=True)
    best = error <= least + 1e-9
    return Minimiser(
        x=x,
        at_t=_flow(case, x, edge=0.0),
        at_next=_flow(case, x, edge=1.0),
        smallest=np.where(best, tried, np.inf).min(axis=1),
        largest=np.where(best, tried, -np.inf).max(axis=1),
        error=least[:, 0],
    )


def rows() -> Iterator[TaskRow]:
    """Largest distance of the minimiser to the report's answer, px (claim C4).

    The report's ramp from the object's flow to the background's at an occlusion; the shape of
    frame t+1, copied, at a disocclusion, where a search that starts from rest ends.
    """
    hidden, shown = minimise_round_trip("occlusion"), minimise_round_trip("disocclusion")
    ramp = np.abs(hidden.smallest - np.clip(1 - hidden.x, 0, 1)).max()
    copy = np.abs(shown.smallest - shown.at_next).max()
    for condition, metric, value in (
        ("occlusion", "distance_to_ramp_px", ramp),
        ("disocclusion", "distance_to_copy_px", copy),
    ):
        yield TaskRow("occlusion", "minimiser", None, "", condition, metric, float(value))


def _flow(case: Case, x: ndarray, edge: float) -> ndarray:
    moves = x <= edge if case == "occlusion" else x >= edge
    return moves.astype(np.float64)
