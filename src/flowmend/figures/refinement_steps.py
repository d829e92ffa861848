"""Error and confidence in the hole, refinement step by refinement step (report, 3.2, 3.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from flowmend.figures.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    VERMILION,
    new_figure,
    styled,
)

_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, "#56b4e9", "#8a6d3b")
_MARKERS = "os^Dv<>"
_ACROSS = 3
_LEGEND_LETTERS = 34  # a line, so that a legend is no wider than its panels


@dataclass(frozen=True)
class Course:
    """One experiment over its refinement steps; the first value is before the first step.

    Attributes:
        words: what is particular about it.
        ratio: mean EPE in the hole over the biharmonic fill's, on the same holes.
        confidence: mean in the hole, in [0, 1].
        is_base: whether the others of its group are compared with it.
    """

    words: str
    ratio: Float[ndarray, "steps"]
    confidence: Float[ndarray, "steps"]
    is_base: bool = False


@styled
def draw_refinement_steps(groups: Mapping[str, Sequence[Course]]) -> Figure:
    """Small multiples by what is varied: above error, below confidence, both against the step.

    Args:
        groups: courses by the group's title; a group's base is drawn in black.
    """
    across = min(_ACROSS, len(groups))
    rows = -(-len(groups) // across)
    legend = 0.25 + 0.16 * max(map(_legend_lines, groups.values()))
    figure = new_figure(0.6 + 2.8 * across, rows * (3.6 + legend))
    cells = figure.subplots(
        3 * rows, across, squeeze=False, height_ratios=[2.1, 1.5, legend] * rows
    )
    columns = cells.reshape(rows, 3, across).swapaxes(1, 2).reshape(-1, 3)
    for column, (title, courses) in zip(columns, groups.items()):
        _draw_group(column, title, courses)
    for error, confidence, _ in columns[::across]:
        error.set_ylabel("EPE in the hole,\nratio to biharmonic fill")
        confidence.set_ylabel("mean confidence\nin the hole")
    for column in columns[len(groups) :]:
        for panel in column:
            panel.remove()
    return figure


def _draw_group(column: ndarray, title: str, courses: Sequence[Course]) -> None:
    error, confidence, below = column
    _draw(error, [(course, course.ratio) for course in courses])
    _draw(confidence, [(course, course.confidence) for course in courses])
    error.axhline(1, color=MUTED, lw=1.0, ls="--")
    error.set_title(title, fontweight="bold")
    error.set_ylim(*_span(courses))
    error.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    confidence.set(ylim=(-0.04, 1.04), yticks=[0, 0.5, 1], xlabel="refinement step")
    below.set_axis_off()
    below.legend(*error.get_legend_handles_labels(), loc="upper center", borderaxespad=0)


def _draw(panel: Axes, lines: Sequence[tuple[Course, Float[ndarray, "steps"]]]) -> None:
    styles = iter(zip(_COLOURS * len(lines), _MARKERS * len(lines)))
    for course, values in lines:
        colour, marker = (INK, "o") if course.is_base else next(styles)
        panel.plot(
            np.arange(len(values)), values, color=colour, marker=marker, ms=3.6,
            label=_wrapped(course), lw=2.0 if course.is_base else 1.3,
            zorder=2 if course.is_base else 3,
        )  # fmt: skip
    panel.grid(axis="y")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def _wrapped(course: Course) -> str:
    return fill(course.words, _LEGEND_LETTERS)


def _legend_lines(courses: Sequence[Course]) -> int:
    return sum(_wrapped(course).count("\n") + 1 for course in courses)


def _span(courses: Sequence[Course]) -> tuple[float, float]:
    """Limits that show every course and the fill's own error, with room."""
    values = np.concatenate([[1.0], *(course.ratio for course in courses)])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.08 * (high - low) + 0.005
    return low - room, high + room
