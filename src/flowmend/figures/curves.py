"""Fig. 9: how the L1 loss falls for each network and each initial fill (report, 2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from flowmend.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    new_figure,
    styled,
)

# The report's own colours.
COLOURS = {
    ("unet", "zero"): ORANGE,
    ("unet", "smooth"): GREY,
    ("resnet", "zero"): BLUE,
    ("resnet", "smooth"): GREEN,
}
NETWORKS = {"unet": "U-Net", "resnet": "ResNet"}
WINDOW_SHARE = 20


@dataclass(frozen=True)
class Curve:
    """One experiment's L1 loss.

    Attributes:
        network, fill: what was trained on what.
        loss: one row a seed, one column a step, px.
    """

    network: str
    fill: str
    loss: Float[ndarray, "seeds steps"]

    def smoothed(self) -> Float[ndarray, "steps"]:
        """Mean over seeds, then over a centred window of a twentieth of the training."""
        mean = pd.Series(self.loss.mean(axis=0))
        window = max(3, len(mean) // WINDOW_SHARE)
        return mean.rolling(window, center=True, min_periods=1).mean().to_numpy()

    def final(self) -> float:
        """Mean over the last tenth of the training, px."""
        return float(self.loss[:, -max(1, self.loss.shape[1] // 10) :].mean())


@styled
def draw_curves(curves: Mapping[str, Curve]) -> Figure:
    """Fig. 9: the whole training on the left, its second half on the right.

    Args:
        curves: by experiment's name.
    """
    figure = new_figure(8.4, 3.5)
    whole, late = figure.subplots(1, 2, width_ratios=[1.25, 1])
    spare = iter((PURPLE, VERMILION) * len(curves))
    for curve in curves.values():
        colour = COLOURS.get((curve.network, curve.fill)) or next(spare)
        label = f"{NETWORKS.get(curve.network, curve.network)}, {curve.fill} fill"
        _draw(whole, curve, colour, label, first=0)
        _draw(late, curve, colour, label, first=curve.loss.shape[1] // 2)
    whole.set(yscale="log", title="Whole training", ylabel="L1 loss (px, log scale)")
    late.set(title="Second half", ylabel="L1 loss (px)")
    for axes in (whole, late):
        axes.set_xlabel("training step")
        axes.grid(axis="y", which="both" if axes is whole else "major")
        axes.margins(x=0.01)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    _limit(late, curves)
    whole.yaxis.set_major_formatter("{x:g}")
    whole.yaxis.set_minor_formatter("{x:g}")
    figure.legend(*whole.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _draw(axes: Axes, curve: Curve, colour: str, label: str, first: int) -> None:
    steps = np.arange(1, curve.loss.shape[1] + 1)[first:]
    for seed in curve.loss:
        axes.plot(steps, seed[first:], color=colour, alpha=0.16, lw=0.6)
    # Zero fill is drawn wider, so that it shows where two curves coincide.
    width = 2.8 if curve.fill == "zero" else 1.5
    axes.plot(steps, curve.smoothed()[first:], color=colour, lw=width, label=label)


def _limit(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Let the smoothed curves fill the panel; the raw ones may leave it."""
    shown = np.concatenate([c.smoothed()[c.loss.shape[1] // 2 :] for c in curves.values()])
    room = 0.35 * (shown.max() - shown.min()) + 1e-6
    axes.set_ylim(max(0.0, shown.min() - room), shown.max() + room)
