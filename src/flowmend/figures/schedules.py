"""How each training scheme weighs the refinement steps (report, 3.5, eqs. 3 and 4)."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from flowmend.figures.style import INK, new_figure, styled


@styled
def draw_schedules(weights: Mapping[str, Float[ndarray, "refinement_steps steps"]]) -> Figure:
    """One panel a scheme: weights stacked, so that their sum is the upper edge.

    Args:
        weights: μ of refinement steps 1, 2, … over training, by the scheme's title.
    """
    figure = new_figure(0.6 + 2.15 * len(weights), 2.9)
    panels = figure.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    for panel, (title, mu) in zip(panels, weights.items()):
        _stack(panel, mu)
        panel.set(title=title, xlabel="training step", ylim=(0, 1), xlim=(1, mu.shape[1]))
        panel.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        panel.grid(axis="y")
        panel.set_axisbelow(False)
    panels[0].set_ylabel("weight μ, stacked (no unit)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=len(labels), title="refinement step",
        title_fontsize=8, handlelength=1.2, columnspacing=1.4,
    )  # fmt: skip
    return figure


def step_colours(count: int) -> list[tuple[float, float, float, float]]:
    """From early (light) to late (dark) refinement steps."""
    return [colormaps["viridis_r"](share) for share in np.linspace(0.05, 0.95, count)]


def _stack(panel: Axes, mu: Float[ndarray, "refinement_steps steps"]) -> None:
    steps = np.arange(1, mu.shape[1] + 1)
    names = [str(number) for number in range(1, len(mu) + 1)]
    panel.stackplot(steps, mu, labels=names, colors=step_colours(len(mu)), lw=0)
    panel.plot(steps, mu.sum(axis=0), color=INK, lw=0.9)
