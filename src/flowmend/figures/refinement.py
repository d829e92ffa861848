"""Figs. 20 and 22 to 25: flow refined step by step, and its confidence (report, 3.4 and 3.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.image import AxesImage
from numpy import ndarray

from flowmend.figures.colour_wheel import flow_colours
from flowmend.figures.panels import (
    bare,
    colour_bar,
    look_at,
    outline,
    rim,
    round_up,
    show_error,
    show_flow,
    show_wheel,
)
from flowmend.figures.style import FAINT, INK, new_figure, styled

CONFIDENCE_COLOURS = "gray"
_MARGIN_PX = 8
CELL_IN, _KEY = 1.22, 0.72
_WIDEST = 2  # the scale over that of the truth
_ROWS = ("forward flow", "backward flow", "confidence", "true forward", "true backward")


@dataclass(frozen=True)
class Refinement:
    """One test case after each step of refinement; step 0 is the initial fill.

    Attributes:
        clip, shape: which one.
        truth: forward and backward flow, (T, 2, 2, H, W) float32, px.
        hole: bool (T, H, W), empty in frames that are not hidden.
        flows: after each step, (steps + 1, T, 2, 2, H, W), equal to the truth outside the hole.
        confidence: after each step, (steps + 1, T, H, W) in [0, 1].
    """

    clip: str
    shape: str
    truth: Float[ndarray, "frames 2 2 height width"]
    hole: Bool[ndarray, "frames height width"]
    flows: Float[ndarray, "states frames 2 2 height width"]
    confidence: Float[ndarray, "states frames height width"]

    @property
    def steps(self) -> int:
        """Of refinement."""
        return len(self.flows) - 1

    @cached_property
    def largest_px(self) -> float:
        """The one scale of all flows and steps: the speed of the wheel's rim.

        Flow that is faster than the truth widens it, but the truth must stay visible.
        """
        speeds = np.moveaxis(np.hypot(*np.moveaxis(self.flows, 3, 0)), 2, -1)[:, self.hole]
        true = rim(self.truth)
        fastest = round_up(float(np.percentile(speeds, 99)))
        return min(max(true, fastest), _WIDEST * true)

    def anywhere(self) -> Bool[ndarray, "height width"]:
        """Where any frame has a hole."""
        return np.any(self.hole, axis=0)

    def speeds(self, step: int | None) -> Float[ndarray, " pixels"]:
        """Speed of the forward flow at the hole's pixels, px; ``None`` is the truth."""
        flows = self.truth if step is None else self.flows[step]
        return np.hypot(*np.moveaxis(flows[:, 0], 1, 0))[self.hole]

    def error(self, step: int) -> Float[ndarray, "frames 2 height width"]:
        """End-point error of both directions, px."""
        return np.hypot(*np.moveaxis(self.flows[step] - self.truth, 2, 0))

    def mean_error(self, step: int) -> float:
        """Mean end-point error in the holes of all frames and both directions, px."""
        return float(np.moveaxis(self.error(step), 1, -1)[self.hole].mean())

    def mean_confidence(self, step: int) -> float:
        """Mean confidence in the holes of all frames."""
        return float(self.confidence[step][self.hole].mean())


def draw_refined(case: Refinement) -> Figure:
    """Figs. 20 and 22 to 25: the final step.

    One column a frame; forward flows, backward flows, confidences, and the true flows below.
    """
    return _Strip(case).show(case.steps)


def refined_at_each_step(case: Refinement) -> Iterator[Figure]:
    """The picture of :func:`draw_refined` from the fill to the final step, for an animation.

    It is one figure, changed between the steps: laying it out takes most of the time.
    """
    strip = _Strip(case)
    strip.show(case.steps).draw_without_rendering()
    strip.show(case.steps).set_layout_engine("none")
    for step in range(case.steps + 1):
        yield strip.show(step)


class _Strip:
    """The picture of one case, laid out once; it shows whichever step it is told to."""

    def __init__(self, case: Refinement) -> None:
        self._case = case
        self._flows: list[tuple[Axes, AxesImage]] = []  # frame by frame, both directions
        self._confidences: list[tuple[Axes, AxesImage]] = []
        self._figure = self._laid_out()

    def show(self, step: int) -> Figure:
        """The figure, with this step in it."""
        case = self._case
        errors, largest = case.error(step), case.largest_px
        for place, (axes, image) in enumerate(self._flows):
            frame, direction = divmod(place, 2)
            colours = flow_colours(case.flows[step][frame, direction], largest)
            image.set_data(np.moveaxis(colours, 0, -1))
            note = _mean_word("error", errors[frame, direction], case.hole[frame], " px")
            axes.set_xlabel(note, color=INK)
        for frame, (axes, image) in enumerate(self._confidences):
            image.set_data(case.confidence[step][frame])
            note = _mean_word("mean", case.confidence[step][frame], case.hole[frame], "")
            axes.set_xlabel(note, color=INK)
        self._heading.set_text(f"step {step} of {case.steps}" + ("" if step else ": the fill"))
        return self._figure

    @styled
    def _laid_out(self) -> Figure:
        case = self._case
        frames, ratios = len(case.truth), [1.0] * len(case.truth) + [_KEY]
        figure = new_figure(CELL_IN * sum(ratios) + 0.3, figure_height(case, len(_ROWS)) + 0.6)
        grid = GridSpec(len(_ROWS), len(ratios), figure, width_ratios=ratios)
        panels = np.array(
            [
                [figure.add_subplot(grid[row, column]) for column in range(frames)]
                for row in range(len(_ROWS))
            ]
        )
        for frame, column in enumerate(panels.T):
            column[0].set_title(frame_word(case, frame))
            self._fill_column(frame, column)
            for axes in column:
                finish(axes, case, frame)
        for axes, word in zip(panels[:, 0], _ROWS):
            axes.set_ylabel(word, color=INK)
        self._draw_keys(figure, grid)
        self._heading = figure.suptitle("step", fontsize=9.5)
        return figure

    def _fill_column(self, frame: int, column: ndarray) -> None:
        case, largest = self._case, self._case.largest_px
        for direction in (0, 1):
            show_flow(column[direction], case.flows[-1][frame, direction], largest)
            self._flows.append((column[direction], column[direction].images[0]))
            show_flow(column[3 + direction], case.truth[frame, direction], largest)
        shown = show_error(column[2], case.confidence[-1][frame], 1.0, CONFIDENCE_COLOURS)
        self._confidences.append((column[2], shown))

    def _draw_keys(self, figure: Figure, grid: GridSpec) -> None:
        key, bar = (figure.add_subplot(grid[place, -1]) for place in (slice(0, 2), 2))
        for axes in (key, bar, figure.add_subplot(grid[3:, -1])):
            axes.set_axis_off()
        show_wheel(key.inset_axes((0.1, 0.3, 0.8, 0.4)), self._case.largest_px)
        colour_bar(*self._confidences[-1], "confidence")


def _mean_word(
    word: str,
    values: Float[ndarray, "height width"],
    hole: Bool[ndarray, "height width"],
    unit: str,
) -> str:
    return f"{word} {values[hole].mean():.2f}{unit}" if hole.any() else "known"


def frame_word(case: Refinement, frame: int) -> str:
    """``frame 2, hidden``."""
    return f"frame {frame}" + (", hidden" if case.hole[frame].any() else "")


def figure_height(case: Refinement, rows: int) -> float:
    """Height of a figure with this many rows of panels, inches."""
    height, width = case.hole.shape[1:]
    return 0.45 + rows * CELL_IN * 0.97 * height / width


def finish(axes: Axes, case: Refinement, frame: int) -> None:
    """Outline a frame's hole, show what is around it, and draw a faint border."""
    bare(axes)
    axes.yaxis.labelpad = 3
    if case.hole[frame].any():
        outline(axes, case.hole[frame])
    look_at(axes, case.anywhere(), _MARGIN_PX)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)
