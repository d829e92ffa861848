"""Fig. 3a: what minimising the forward–backward error makes of an occlusion, in 1-D (2.2.4)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from flowmend.figures.style import BLUE, GREEN, MUTED, VERMILION, new_figure, styled

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


@styled
def draw_minimisers(disocclusion: Minimiser, occlusion: Minimiser) -> Figure:
    """Fig. 3a: both cases side by side; below, the error that the minimiser leaves."""
    figure = new_figure(8.4, 3.9)
    axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[2.4, 1])
    for column, (found, title) in enumerate(
        ((disocclusion, "Disocclusion"), (occlusion, "Occlusion"))
    ):
        _draw_flows(axes[0, column], found, title)
        axes[1, column].fill_between(found.x, found.error, color=GREEN, alpha=0.25, lw=0)
        axes[1, column].plot(found.x, found.error, color=GREEN)
        axes[1, column].set(xlabel="position x (px)", ylim=(-0.03, 0.62), yticks=[0, 0.5])
        axes[1, column].grid(axis="y")
    axes[0, 0].set_ylabel("forward flow (px)")
    axes[1, 0].set_ylabel("round trip left (px)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, handlelength=2.2)
    return figure


def _draw_flows(axes: Axes, found: Minimiser, title: str) -> None:
    axes.axvspan(0, 1, color="black", alpha=0.045, lw=0)
    axes.plot(found.x, found.at_t, color=VERMILION, lw=2.6, label="truth, frame t")
    axes.plot(found.x, found.at_next, color=BLUE, lw=2.6, ls=(0, (4, 2)), label="truth, frame t+1")
    axes.plot(found.x, found.smallest, color=GREEN, lw=1.8, label="minimiser, frame t")
    tied = found.largest - found.smallest > 0.5
    other = np.where(tied, found.largest, np.nan)
    axes.plot(
        found.x, other, color=GREEN, ls="", marker="o", ms=4.5, mec="white", mew=0.8,
        markevery=16, label="equally good minimiser",
    )  # fmt: skip
    axes.set(title=title, xlim=(-1, 2), ylim=(-0.15, 1.2), yticks=[0, 0.5, 1])
    axes.grid(axis="y")
    word = "becomes hidden" if title == "Occlusion" else "becomes visible"
    axes.text(0.5, 1.17, word, ha="center", va="top", fontsize=7, color=MUTED)


def _flow(case: Case, x: ndarray, edge: float) -> ndarray:
    moves = x <= edge if case == "occlusion" else x >= edge
    return moves.astype(np.float64)
