"""How every figure looks: a palette safe for colour-blind readers, one type size, stable bytes."""

import io
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart with every common colour vision.
ORANGE, BLUE, GREEN, VERMILION, PURPLE = "#e69f00", "#0072b2", "#009e73", "#d55e00", "#cc79a7"
GREY, INK, MUTED, FAINT = "#7a7f87", "#1d2129", "#5b6470", "#e3e6ea"
ERROR_COLOURS, SIGNED_COLOURS, EDGE_COLOURS = "magma", "RdBu_r", "gray_r"
DOTS_PER_INCH = 150

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlepad": 5,
    "axes.labelsize": 8,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "image.interpolation": "nearest",
    "figure.facecolor": "white",
}

Arguments = ParamSpec("Arguments")


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Draw in flowmend's style, whatever the reader's own matplotlib settings say."""

    @wraps(draw)
    def inner(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_SETTINGS)
            return draw(*args, **kwargs)

    return inner


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure that lays its parts out by itself; no window, no global state."""
    return Figure(figsize=(width_in, height_in), layout="constrained", dpi=DOTS_PER_INCH)


def encode(figure: Figure, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """The figure as PNG; the same figure gives the same bytes (no date, no version)."""
    buffer = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        figure.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
    return buffer.getvalue()
