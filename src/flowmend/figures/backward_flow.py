"""Figs. 2 and 3b: backward flow that the forward–backward error alone has taught (2.2.3, 2.2.4)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy import ndarray

from flowmend.figures.panels import (
    bare,
    colour_bar,
    round_up,
    show_error,
    show_flow,
    show_wheel,
)
from flowmend.figures.style import INK, new_figure, styled

COVERED, UNCOVERED = "-", (0, (1.2, 1.0))  # line styles of the two regions


@dataclass(frozen=True)
class PredictedPair:
    """A pair with the backward flow that a network makes of the forward flow.

    Attributes:
        clip, frame: where f_t stands; frames count from 0.
        forward: true flow from frame t to t+1, (2, H, W) float32, px.
        backward_next: true flow from frame t+1 to t, same shape.
        predicted: the network's, same shape.
    """

    clip: str
    frame: int
    forward: Float[ndarray, "2 height width"]
    backward_next: Float[ndarray, "2 height width"]
    predicted: Float[ndarray, "2 height width"]

    def error(self) -> Float[ndarray, "height width"]:
        """EPE of the prediction, px."""
        return np.hypot(*(self.predicted - self.backward_next))

    def rim(self) -> float:
        """The one scale of its panels, px."""
        flows = (self.forward, self.backward_next, self.predicted)
        return round_up(float(np.percentile([np.hypot(*flow) for flow in flows], 99.8)))


@styled
def draw_sanity_check(good: PredictedPair, bad: PredictedPair) -> Figure:
    """Fig. 2: a row a pair; left to right the output, what it should be, and the input."""
    ratio = good.forward.shape[1] / good.forward.shape[2]
    figure = new_figure(7.6, 1.1 + 4.4 * ratio)
    rows = figure.add_gridspec(2, 1, hspace=0.02)
    for row, (pair, word) in enumerate(((good, "(a) good"), (bad, "(b) bad"))):
        part = figure.add_subfigure(rows[row])
        part.suptitle(f"{word}: {pair.clip}, frames {pair.frame} and {pair.frame + 1}")
        _draw_flows(part, pair)
    return figure


def _draw_flows(part: SubFigure, pair: PredictedPair) -> None:
    axes = part.subplots(1, 4, width_ratios=[1, 1, 1, 0.36])
    largest = pair.rim()
    panels = (
        (pair.predicted, "network output"),
        (pair.backward_next, "target: backward flow, t+1"),
        (pair.forward, "input: forward flow, t"),
    )
    for axis, (flow, title) in zip(axes, panels):
        show_flow(axis, flow, largest)
        axis.set_title(title, fontsize=8)
    for axis in axes[1:3]:
        bare(axis)
    show_wheel(axes[3], largest)


@styled
def draw_occlusion_example(
    pair: PredictedPair,
    covered: Bool[ndarray, "height width"],
    uncovered: Bool[ndarray, "height width"],
) -> Figure:
    """Fig. 3b: output, truth and error on a pair, with what the motion covers and uncovers.

    Args:
        pair: the pair.
        covered: pixels of frame t+1 where something moved over what was there.
        uncovered: those that show what nothing in frame t showed.
    """
    ratio = pair.forward.shape[1] / pair.forward.shape[2]
    figure = new_figure(8.8, 0.75 + 1.85 * ratio)
    axes = figure.subplots(1, 4)
    largest = pair.rim()
    panels = (
        (pair.forward, "input: forward flow, t"),
        (pair.predicted, "network output"),
        (pair.backward_next, "target: backward flow, t+1"),
    )
    for axis, (flow, title) in zip(axes, panels):
        show_flow(axis, flow, largest)
        axis.set_title(title, fontsize=8)
    error = pair.error()
    shown = show_error(axes[3], error, round_up(float(np.percentile(error, 99.5))))
    axes[3].set_title("error of the output", fontsize=8)
    colour_bar(axes[3], shown, "end-point error (px)")
    for axis in axes[1:]:
        bare(axis)
        _contour(axis, covered, COVERED)
        _contour(axis, uncovered, UNCOVERED)
    show_wheel(axes[0].inset_axes((-0.52, 0.36, 0.3, 0.3)), largest)
    _legend(figure)
    return figure


def _contour(axes: Axes, region: Bool[ndarray, "height width"], style: object) -> None:
    """A region's border, dark on a light rim."""
    if not region.any():
        return
    padded = np.pad(region, 1).astype(float)
    y, x = (np.arange(-1, side + 1) for side in region.shape)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.contour(x, y, padded, [0.5], colors="white", linewidths=2.0)
    axes.contour(x, y, padded, [0.5], colors=INK, linewidths=1.0, linestyles=[style])
    axes.set(xlim=limits[0], ylim=limits[1])


def _legend(figure: Figure) -> None:
    words = ((COVERED, "becomes covered in t+1"), (UNCOVERED, "becomes visible in t+1"))
    lines = [Line2D([], [], color=INK, lw=1.2, ls=style, label=word) for style, word in words]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, handlelength=2.4)
