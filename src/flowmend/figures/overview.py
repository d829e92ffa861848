"""The first picture: test clips, their flow with a hole, three ways to mend it, and the errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from numpy import ndarray

from flowmend.figures.panels import (
    KNOWN,
    bare,
    colour_bar,
    look_at,
    outline,
    rim,
    round_up,
    show_error,
    show_flow,
    show_image,
    show_wheel,
    window,
)
from flowmend.figures.style import INK, new_figure, styled

_CELL_IN, _GAP, _KEY, _BAR = 1.3, 0.08, 0.62, 0.28


@dataclass(frozen=True)
class MendedCase:
    """One frame of one test case.

    Attributes:
        clip, shape, frame: which one; frames count from 0.
        image: (3, h, w) uint8 at the video's own size.
        truth: forward flow, (2, H, W) float32, px.
        truth_word: what the truth is called: on real clips it is an estimate.
        hole: bool (H, W).
        mended: by method, (2, H, W) float32, px; equal to the truth outside the hole.
    """

    clip: str
    shape: str
    frame: int
    image: UInt8[ndarray, "3 h w"]
    truth: Float[ndarray, "2 height width"]
    truth_word: str
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
    columns = [1.0] * 3 + [_GAP] + [1.0] * len(methods) + [_KEY] + [1.0] * len(methods) + [_BAR]
    figure = new_figure(
        _CELL_IN * sum(columns) + 0.3,
        0.8 + len(cases) * (1.16 * height / width + 0.27),
    )
    grid = GridSpec(len(cases), len(columns), figure, width_ratios=columns)
    for row, case in enumerate(cases):
        cells = [figure.add_subplot(grid[row, column]) for column in range(len(columns))]
        given, mended = cells[:3], cells[4 : 4 + len(methods)]
        key, errors = cells[4 + len(methods)], cells[5 + len(methods) : -1]
        for spacer in (cells[3], cells[-1], key):
            spacer.set_axis_off()
        _draw_flows(case, given, mended, key)
        _draw_errors(case, errors)
        if row == 0:
            _head(given, "Given", ("frame", case.truth_word, "flow with a hole"))
            _head(mended, "Mended by", methods)
            _head(errors, "Error of", methods)
        if row < len(cases) - 1:
            given[0].set(xticks=[], xlabel="")
    return figure


def _draw_flows(case: MendedCase, given: list[Axes], mended: list[Axes], key: Axes) -> None:
    largest = rim(case.truth)
    show_image(given[0], case.image, *case.hole.shape)
    show_flow(given[1], case.truth, largest)
    show_flow(given[2], np.where(case.hole, np.nan, case.truth), largest)
    for axes, flow in zip(mended, case.mended.values()):
        show_flow(axes, flow, largest)
    for axes in (*given, *mended):
        outline(axes, case.hole)
    top, left, scale = window(case.hole)
    height, width = (scale * side for side in case.hole.shape)
    given[0].add_patch(Rectangle((left, top), width, height, fill=False, ec="white", lw=0.8))
    for axes in (*given[1:], *mended):
        bare(axes)
        look_at(axes, case.hole)
    show_wheel(key.inset_axes((0.06, 0.2, 0.88, 0.6)), largest)


def _draw_errors(case: MendedCase, panels: list[Axes]) -> None:
    """Errors in the hole alone: outside, every method keeps what is known."""
    errors = {method: np.ma.masked_where(~case.hole, case.error(method)) for method in case.mended}
    largest = round_up(max(float(np.percentile(e.compressed(), 98)) for e in errors.values()))
    for axes, (method, error) in zip(panels, errors.items()):
        axes.set_facecolor(KNOWN)
        shown = show_error(axes, error, largest)
        outline(axes, case.hole)
        bare(axes)
        look_at(axes, case.hole)
        axes.set_xlabel(f"{case.mean_error(method):.2f} px", color=INK)
    colour_bar(panels[-1], shown, "error (px)")


def _head(panels: list[Axes], group: str, titles: Sequence[str]) -> None:
    for axes, title in zip(panels, titles):
        axes.set_title(fill(title.replace("_", " "), 16))
    panels[0].annotate(
        group, (0, 1), (0, 32), xycoords="axes fraction", textcoords="offset points",
        fontsize=10, fontweight="bold", color=INK,
    )  # fmt: skip
