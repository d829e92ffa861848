"""The results at a glance: every method's error as a share of the biharmonic fill's."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from flowmend.figures.style import BLUE, GREY, INK, MUTED, new_figure, styled

SETUPS = {
    "middle_two": "middle two frames hidden",
    "all_frames": "all frames hidden",
    "sandwich": "all but the first and last frame hidden",
}
_TICKS = (0.25, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 5, 7, 10, 15, 20)
_MARKS = {"classical": ("s", GREY), "network": ("o", BLUE)}


@styled
def draw_results(summary: pd.DataFrame) -> Figure:
    """Ratio to the biharmonic fill with its 95 % interval, one panel a setup, best on top.

    Args:
        summary: rows of ``summary.csv``.
    """
    present = [setup for setup in SETUPS if (summary["setup"] == setup).any()]
    rows = [int((summary["setup"] == setup).sum()) for setup in present]
    figure = new_figure(8.4, 0.9 + 0.5 * len(present) + 0.23 * sum(rows))
    panels = figure.subplots(
        len(present), 1, sharex=True, squeeze=False, height_ratios=[n + 0.8 for n in rows]
    )[:, 0]
    span = _span(summary)
    for axes, setup in zip(panels, present):
        _draw_setup(axes, summary[summary["setup"] == setup], SETUPS[setup], span)
    panels[-1].set_xlabel("EPE in the hole, as a ratio to the biharmonic fill (log scale)")
    handles = [
        Line2D([], [], color=colour, marker=marker, lw=1.6, label=kind)
        for kind, (marker, colour) in _MARKS.items()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return figure


def _span(summary: pd.DataFrame) -> tuple[float, float]:
    ends = summary[["ratio_biharmonic", "ratio_low", "ratio_high"]].to_numpy(float)
    ends = ends[np.isfinite(ends) & (ends > 0)]
    return min(float(ends.min()) / 1.08, 0.9), max(float(ends.max()) * 1.08, 1.2)


def _draw_setup(axes: Axes, rows: pd.DataFrame, title: str, span: tuple[float, float]) -> None:
    rows = rows.sort_values("ratio_biharmonic", ignore_index=True)
    axes.axvline(1, color=INK, lw=0.9)
    for y, (_, row) in enumerate(rows.iterrows()):
        marker, colour = _MARKS[row["kind"]]
        axes.plot([row["ratio_low"], row["ratio_high"]], [y, y], color=colour, lw=2, alpha=0.7)
        axes.plot(row["ratio_biharmonic"], y, marker, color=colour, ms=5.5, mec="white", mew=0.7)
        axes.text(
            1.01, y, _text(row), transform=axes.get_yaxis_transform(), va="center",
            fontsize=7.5, color=INK if y == 0 else MUTED, fontweight="bold" if y == 0 else None,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), rows["method"], fontsize=8, color=INK)
    axes.set(xscale="log", xlim=span, ylim=(len(rows) - 0.4, -0.6))
    axes.xaxis.set_major_locator(FixedLocator([t for t in _TICKS if span[0] <= t <= span[1]]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title(title, loc="left")
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def _text(row: pd.Series) -> str:
    if row["method"] == "biharmonic" and row["kind"] == "classical":
        return "reference"
    if not np.isfinite(row["ratio_low"]):
        return f"{row['ratio_biharmonic']:.2f}"
    return f"{row['ratio_biharmonic']:.2f}  [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}]"
