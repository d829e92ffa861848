"""The first picture: test clips, their flow with a hole, three ways to mend it, and the errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from numpy import ndarray

from flowmend.figures.panels import (
    bare,
    outline,
    rim,
    round_up,
    show_error,
    show_flow,
    show_image,
    show_wheel,
)
from flowmend.figures.style import new_figure, styled

GIVEN = ("frame", "true flow", "flow with a hole")
_CELL_IN = 1.28


@dataclass(frozen=True)
class MendedCase:
    """One frame of one test case.

    Attributes:
        clip, shape, frame: which one; frames count from 0.
        image: (3, h, w) uint8 at the video's own size.
        truth: forward flow, (2, H, W) float32, px.
        hole: bool (H, W).
        mended: by method, (2, H, W) float32, px; equal to the truth outside the hole.
    """

    clip: str
    shape: str
    frame: int
    image: UInt8[ndarray, "3 h w"]
    truth: Float[ndarray, "2 height width"]
    hole: Bool[ndarray, "height width"]
    mended: Mapping[str, Float[ndarray, "2 height width"]]

    def error(self, method: str) -> Float[ndarray, "height width"]:
        """End-point error of one method, px."""
        return np.hypot(*(self.mended[method] - self.truth))

    def mean_error(self, method: str) -> float:
        """Mean end-point error in the hole, px."""
        return float(self.error(method)[self.hole].mean())


@styled
def draw_overview(cases: Sequence[MendedCase]) -> Figure:
    """One row a case; what is given, what each method makes of it, and how far it is off.

    Args:
        cases: with the same methods, in the order in which they are shown.
    """
    methods = list(cases[0].mended)
    height, width = cases[0].hole.shape
    columns = len(GIVEN) + 2 * len(methods)
    rows = len(cases)
    figure = new_figure(
        _CELL_IN * (columns + 1.55), 0.55 + rows * (_CELL_IN * height / width + 0.17)
    )
    gap, key, bar = 0.10, 0.62, 0.5
    ratios = [1.0] * 3 + [gap] + [1.0] * len(methods) + [key] + [1.0] * len(methods) + [bar]
    grid = GridSpec(rows, len(ratios), figure, width_ratios=ratios)
    for row, case in enumerate(cases):
        cells = [figure.add_subplot(grid[row, column]) for column in range(len(ratios))]
        _draw_case(figure, cells, case, methods, first=row == 0)
    return figure


def _draw_case(
    figure: Figure, cells: list[Axes], case: MendedCase, methods: list[str], first: bool
) -> None:
    given, mended = cells[:3], cells[4 : 4 + len(methods)]
    key, errors = cells[4 + len(methods)], cells[5 + len(methods) : -1]
    height, width = case.hole.shape
    largest = rim(case.truth)
    show_image(given[0], case.image, height, width)
    show_flow(given[1], case.truth, largest)
    show_flow(given[2], np.where(case.hole, np.nan, case.truth), largest)
    for axes, method in zip(mended, methods):
        show_flow(axes, case.mended[method], largest)
    largest_error = round_up(float(np.percentile([case.error(m)[case.hole] for m in methods], 98)))
    for axes, method in zip(errors, methods):
        shown = show_error(axes, case.error(method), largest_error)
        axes.set_xlabel(f"mean {case.mean_error(method):.2f} px", fontsize=8)
    for axes in (*given, *mended):
        outline(axes, case.hole)
    for axes in (*given[1:], *mended):
        bare(axes)
    for axes in errors:
        outline(axes, case.hole, "white")
        axes.set(xticks=[], yticks=[], ylabel="")
    show_wheel(key.inset_axes((0.08, 0.25, 0.84, 0.5)), largest)
    for axes in (cells[3], key, cells[-1]):
        axes.set_axis_off()
    bar = figure.colorbar(shown, cax=cells[-1].inset_axes((0.05, 0.06, 0.2, 0.88)))
    bar.set_label("error (px)")
    bar.outline.set_visible(False)
    if first:
        for axes, title in zip((*given, *mended, *errors), (*GIVEN, *methods, *methods)):
            axes.set_title(title)
