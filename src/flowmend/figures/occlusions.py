"""Fig. 3a: what minimising the forward–backward error makes of an occlusion, in 1-D (2.2.4)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flowmend.evaluation.minimisers import Minimiser
from flowmend.figures.style import BLUE, GREEN, MUTED, VERMILION, new_figure, styled


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
