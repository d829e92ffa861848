"""Figs. 5, 7, 8 and 11: mended flow beside the truth (report, 2.2.7, 2.3 and 2.5.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.image import AxesImage
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
    show_wheel,
)
from flowmend.figures.style import FAINT, INK, MUTED, new_figure, styled

_MARGIN_PX = 8
_CELL_IN, _KEY = 1.3, 0.65
_ROWS = ("given", "inpainted", "truth", "error")


@dataclass(frozen=True)
class MendedClip:
    """The forward flows of one test case, before and after.

    Attributes:
        clip, shape: which one.
        truth: (T, 2, H, W) float32, px.
        hole: bool (T, H, W), empty in frames that are not hidden.
        mended: by method, as ``truth`` and equal to it outside the hole.
    """

    clip: str
    shape: str
    truth: Float[ndarray, "frames 2 height width"]
    hole: Bool[ndarray, "frames height width"]
    mended: Mapping[str, Float[ndarray, "frames 2 height width"]]

    def given(self) -> Float[ndarray, "frames 2 height width"]:
        """The truth with NaN in the hole."""
        return np.where(self.hole[:, None], np.nan, self.truth)

    def error(self, method: str) -> Float[ndarray, "frames height width"]:
        """End-point error of one method, px."""
        return np.hypot(*np.moveaxis(self.mended[method] - self.truth, 1, 0))

    def mean_error(self, method: str, frame: int | None = None) -> float:
        """Mean end-point error in the hole of one frame, or of all that are hidden, px."""
        frames = slice(None) if frame is None else frame
        return float(self.error(method)[frames][self.hole[frames]].mean())

    def anywhere(self) -> Bool[ndarray, "height width"]:
        """Where any frame has a hole."""
        return np.any(self.hole, axis=0)


@styled
def draw_inpainting(case: MendedClip, method: str) -> Figure:
    """Figs. 5 and 7: one column a frame; what is given, inpainted, true, and the error.

    Args:
        case: its errors share one scale, also between figures of the same case.
        method: which of its completions is shown.
    """
    frames, (height, width) = len(case.truth), case.hole.shape[1:]
    columns = [1.0] * frames + [_KEY]
    figure = new_figure(_CELL_IN * sum(columns) + 0.3, 0.55 + 4 * 1.21 * height / width)
    grid = GridSpec(len(_ROWS), len(columns), figure, width_ratios=columns)
    axes = np.array([[figure.add_subplot(grid[r, c]) for c in range(frames)] for r in range(4)])
    largest = rim(case.truth)
    for row, flows in zip(axes, (case.given(), case.mended[method], case.truth)):
        for panel, flow, hole in zip(row, flows, case.hole):
            show_flow(panel, flow, largest)
            _finish(panel, hole, case.anywhere())
    shown = _draw_errors(axes[-1], case, method)
    for frame, panel in enumerate(axes[0]):
        hidden = bool(case.hole[frame].any())
        panel.set_title(f"frame {frame}" + (", hidden" if hidden else ""), color=INK)
    for panel, word in zip(axes[:, 0], _ROWS):
        panel.set_ylabel(word, color=INK, fontsize=9)
    key = figure.add_subplot(grid[:3, -1])
    key.set_axis_off()
    show_wheel(key.inset_axes((0.1, 0.35, 0.8, 0.3)), largest)
    figure.add_subplot(grid[3, -1]).set_axis_off()
    colour_bar(axes[-1, -1], shown, "error (px)")
    return figure


def _draw_errors(panels: Sequence[Axes], case: MendedClip, method: str) -> AxesImage:
    """Errors in the hole alone: outside, what is known is kept."""
    errors = np.ma.masked_where(~case.hole, case.error(method))
    in_hole = [case.error(each)[case.hole] for each in case.mended]
    largest = round_up(max(float(np.percentile(values, 98)) for values in in_hole))
    for frame, (panel, hole) in enumerate(zip(panels, case.hole)):
        panel.set_facecolor(KNOWN)
        image = show_error(panel, errors[frame], largest)
        _finish(panel, hole, case.anywhere())
        if hole.any():
            shown = image
            panel.set_xlabel(f"{case.mean_error(method, frame):.2f} px", color=INK)
        else:
            panel.text(
                0.5, 0.5, "known", ha="center", va="center", transform=panel.transAxes, fontsize=7,
                color=MUTED,
            )  # fmt: skip
    return shown


def _finish(
    panel: Axes, hole: Bool[ndarray, "height width"], around: Bool[ndarray, "height width"]
) -> None:
    bare(panel)
    panel.yaxis.labelpad = 3
    if hole.any():
        outline(panel, hole)
    look_at(panel, around, _MARGIN_PX)
    panel.spines[:].set_visible(True)
    panel.spines[:].set_color(FAINT)


@styled
def draw_settings(
    case: MendedClip,
    frame: int,
    heading: str,
    titles: Mapping[str, str],
    notes: Mapping[str, str],
) -> Figure:
    """Fig. 8: one hidden frame as each setting mends it, two rows of three; the truth comes last.

    Args:
        case: with five completions, in the order in which they are shown.
        frame: which.
        heading: what the titles mean.
        titles, notes: a line above and one below each completion, by method.
    """
    height, width = case.hole.shape[1:]
    figure = new_figure(7.6, 1.15 + 2 * 2.05 * height / width)
    grid = GridSpec(2, 4, figure, width_ratios=[1, 1, 1, 0.42])
    panels = [figure.add_subplot(grid[place // 3, place % 3]) for place in range(6)]
    largest = rim(case.truth[frame])
    for panel, method in zip(panels, case.mended):
        show_flow(panel, case.mended[method][frame], largest)
        _finish(panel, case.hole[frame], case.hole[frame])
        panel.set_title(titles[method])
        panel.set_xlabel(notes[method], color=INK, fontsize=7.5)
    show_flow(panels[-1], case.truth[frame], largest)
    _finish(panels[-1], case.hole[frame], case.hole[frame])
    panels[-1].set_title("truth")
    figure.suptitle(heading, fontsize=9.5)
    key = figure.add_subplot(grid[:, -1])
    key.set_axis_off()
    show_wheel(key.inset_axes((0.05, 0.35, 0.9, 0.3)), largest)
    return figure


@styled
def draw_networks(cases: Sequence[MendedClip], frame: int, titles: Mapping[str, str]) -> Figure:
    """Fig. 11: one row a case; what is given, the truth, and what each network makes of the hole.

    Args:
        cases: with the same methods, in the order in which they are shown.
        frame: which frame of each.
        titles: words for each method.
    """
    height, width = cases[0].hole.shape[1:]
    columns = [1.0] * (2 + len(titles)) + [0.5]
    side = 1.55
    figure = new_figure(
        side * sum(columns) + 0.2, 0.45 + len(cases) * (0.22 + 0.97 * side * height / width)
    )
    grid = GridSpec(len(cases), len(columns), figure, width_ratios=columns)
    for row, case in enumerate(cases):
        panels = [figure.add_subplot(grid[row, column]) for column in range(len(columns))]
        largest, hole = rim(case.truth[frame]), case.hole[frame]
        flows = [case.given(), case.truth, *case.mended.values()]
        for panel, flow in zip(panels, flows):
            show_flow(panel, flow[frame], largest)
            _finish(panel, hole, hole)
        for panel, method in zip(panels[2:], case.mended):
            panel.set_xlabel(f"{case.mean_error(method, frame):.2f} px", color=INK)
        panels[0].set_ylabel(f"{case.clip}, {case.shape}", fontsize=7.5)
        panels[-1].set_axis_off()
        show_wheel(panels[-1].inset_axes((0.05, 0.25, 0.9, 0.5)), largest)
        if row == 0:
            words = ["given", "truth", *(titles[method] for method in case.mended)]
            for panel, word in zip(panels, words):
                panel.set_title(fill(word, 16))
    return figure
