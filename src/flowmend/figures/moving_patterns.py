"""The warping toy: what networks draw when a pattern has to move, and how far they can (2.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy import ndarray

from flowmend.datasets.moving_patterns import LONGEST_PX
from flowmend.evaluation.statistics import ClipBootstrap, Estimate
from flowmend.figures.panels import bare, outline, show_flow, show_wheel
from flowmend.figures.style import BLUE, GREEN, MUTED, ORANGE, PURPLE, new_figure, styled

LIMITS_PX = (0.5, 2.0, 4.0, 6.0, 8.0)
_COLOURS, _MARKS = (BLUE, ORANGE, GREEN, PURPLE), "os^D"
_SAMPLES, _SEED = 2000, 5
_GREYS = 2.0  # patterns are shown from minus this to this


@dataclass(frozen=True)
class MovedPattern:
    """An example.

    Attributes:
        title: what moves, and how far.
        before, after: the pattern and the truth, (H, W).
        flow: forward flow of ``before``, (2, H, W), px.
        judged: where errors are measured.
        outputs: what each network drew, by its label.
    """

    title: str
    before: Float[ndarray, "height width"]
    after: Float[ndarray, "height width"]
    flow: Float[ndarray, "2 height width"]
    judged: Bool[ndarray, "height width"]
    outputs: Mapping[str, Float[ndarray, "height width"]]


@dataclass(frozen=True)
class RatiosByLength:
    """All test patterns of one condition.

    Attributes:
        title: of the condition.
        lengths_px: of the displacements, (N,).
        ratios: each network's error over that of not moving the pattern, (N,), by its label.
    """

    title: str
    lengths_px: Float[ndarray, "patterns"]
    ratios: Mapping[str, Float[ndarray, "patterns"]]

    def estimates(self, label: str) -> list[Estimate]:
        """Mean and 95 % interval over patterns, between one limit of length and the next."""
        return [
            _mean(self.ratios[label][(self.lengths_px > low) & (self.lengths_px <= high)])
            for low, high in pairwise(LIMITS_PX)
        ]


@styled
def draw_moving_patterns(
    examples: Sequence[MovedPattern], conditions: Sequence[RatiosByLength]
) -> Figure:
    """Left: a row an example; right: the error ratio against the displacement, by condition."""
    columns = 3 + len(examples[0].outputs)
    figure = new_figure(1.12 * columns + 4.0, 0.6 + 1.02 * len(examples))
    halves = figure.add_gridspec(1, 2, width_ratios=[1.12 * columns + 0.6, 3.4], wspace=0.03)
    _draw_examples(figure.add_subfigure(halves[0]), examples)
    right = figure.add_subfigure(halves[1])
    axes = right.subplots(len(conditions), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, condition in zip(axes, conditions):
        _draw_ratios(axis, condition)
    axes[-1].set_xlabel("length of the displacement (px)")
    handles, labels = axes[0].get_legend_handles_labels()
    right.legend(
        handles, labels, loc="outside upper center", ncols=3, handlelength=1.2, columnspacing=1.0
    )
    return figure


def _draw_examples(part: SubFigure, examples: Sequence[MovedPattern]) -> None:
    labels = list(examples[0].outputs)
    axes = part.subplots(
        len(examples), 4 + len(labels), width_ratios=[1.0] * (3 + len(labels)) + [0.5]
    )
    for row, example in zip(axes, examples):
        _grey(row[0], example.before)
        row[0].set_ylabel(example.title, fontsize=7)
        show_flow(row[1], example.flow, LONGEST_PX)
        bare(row[1])
        for axis, picture in zip(row[2:], (example.after, *example.outputs.values())):
            _grey(axis, picture)
            outline(axis, example.judged)
        row[-1].set_axis_off()
    show_wheel(axes[0, -1], LONGEST_PX)
    for axis, title in zip(axes[0], ("pattern", "flow", "truth", *labels)):
        axis.set_title(title, fontsize=7)


def _grey(axes: Axes, picture: Float[ndarray, "height width"]) -> None:
    axes.imshow(picture, cmap="gray", vmin=-_GREYS, vmax=_GREYS)
    bare(axes)


def _draw_ratios(axes: Axes, condition: RatiosByLength) -> None:
    middles = (np.array(LIMITS_PX[1:]) + LIMITS_PX[:-1]) / 2
    count = len(condition.ratios)
    for number, label in enumerate(condition.ratios):
        found = condition.estimates(label)
        value, low, high = (
            np.array([getattr(e, k) for e in found]) for k in ("value", "low", "high")
        )
        axes.errorbar(
            middles + 0.14 * (number - (count - 1) / 2), value, (value - low, high - value),
            color=_COLOURS[number], marker=_MARKS[number], ms=4, lw=1.2, capsize=2, label=label,
        )  # fmt: skip
    axes.axhline(1, color=MUTED, lw=0.8, ls=(0, (4, 2)))
    axes.text(
        LIMITS_PX[-1], 0.99, "pattern not moved", ha="right", va="top", fontsize=7, color=MUTED
    )
    axes.set(title=condition.title, ylabel="error / error of not moving", ylim=(0, 1.1))
    axes.set(xticks=LIMITS_PX, xlim=(LIMITS_PX[0] - 0.2, LIMITS_PX[-1] + 0.2))
    axes.grid(axis="y")


def _mean(values: Float[ndarray, "patterns"]) -> Estimate:
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan)
    return ClipBootstrap(np.arange(len(values)), _SAMPLES, _SEED).mean(values)
