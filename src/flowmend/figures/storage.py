"""How much room flow takes, how far it is off and how fast it is read, way by way (3.1)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from flowmend.figures.style import BLUE, GREY, MUTED, ORANGE, new_figure, styled

OWN = {
    "fast": "fast (flowmend's default)",
    "small": "small (flowmend)",
    "report": "8 bits and range (report)",
}
OTHERS = {
    "flo": ".flo",
    "npz_float32": "npz, float32",
    "npz_float16": "npz, float16",
    "kitti_png16": "KITTI PNG",
    "png16": "PNG, 16 bits",
    "jpeg2000": "JPEG 2000, 16 bits",
    "jpegls": "JPEG-LS, 16 bits",
}
_MEASURES = (
    ("share_percent", "size (% of .flo)", "{:.3g} %"),
    ("max_error_px", "largest error (px)", "{:.2g}"),
    ("encode_ms", "written in (ms a field)", "{:.3g}"),
    ("decode_ms", "read in (ms a field)", "{:.3g}"),
)
_EXACT = "exact"


@styled
def draw_storage(table: pd.DataFrame, bound_px: float) -> Figure:
    """One row a way to store flow, one panel a measure; smaller is better in each.

    Args:
        table: columns ``codec, share_percent, max_error_px, encode_ms, decode_ms``.
        bound_px: the error that fixed-step codecs promise.
    """
    table = table.sort_values("share_percent", ascending=False, ignore_index=True)
    figure = new_figure(9.2, 1.0 + 0.3 * len(table))
    panels = figure.subplots(1, len(_MEASURES), sharey=True)
    colours = [ORANGE if c == "report" else BLUE if c in OWN else GREY for c in table["codec"]]
    for axes, (column, label, form) in zip(panels, _MEASURES):
        _draw_measure(axes, table[column].to_numpy(float), colours, form)
        axes.set_xlabel(label)
    panels[1].axvline(bound_px, color=MUTED, lw=0.8, ls=":")
    panels[1].text(
        bound_px, -0.75, f"1/{1 / bound_px:.0f} px", ha="center", va="bottom", fontsize=7,
        color=MUTED,
    )  # fmt: skip
    names = {**OTHERS, **OWN}
    panels[0].set_yticks(range(len(table)), [names.get(c, c) for c in table["codec"]], fontsize=8)
    for tick, colour in zip(panels[0].get_yticklabels(), colours):
        tick.set_color(MUTED if colour == GREY else colour)
    panels[0].set_ylim(len(table) - 0.5, -0.9)
    return figure


def _draw_measure(axes: Axes, values: np.ndarray, colours: list[str], form: str) -> None:
    positive = values[values > 0]
    low, high = positive.min() / (1.8 if values.all() else 4), positive.max() * 5
    shown = np.where(values > 0, values, low * 1.15)
    rows = np.arange(len(values))
    axes.hlines(rows, low, shown, color=colours, lw=0.8, alpha=0.5)
    axes.scatter(shown, rows, c=colours, s=26, zorder=3, marker="o")
    for row, value in zip(rows, values):
        text = form.format(value) if value > 0 else _EXACT
        axes.annotate(
            text, (shown[row], row), (6, 0), textcoords="offset points", va="center", fontsize=7
        )
    axes.set(xscale="log", xlim=(low, high))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
