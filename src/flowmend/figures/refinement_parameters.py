"""Figs. 17 and 18: what the confidence rules learn (report, 3.3.4)."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from flowmend.figures.style import BLUE, GREY, INK, MUTED, ORANGE, new_figure, styled
from flowmend.networks.confidence_rules import cubic

_COLOURS = (BLUE, ORANGE)  # of the first and the second partial convolution
_WIDTHS = (3.0, 1.5)  # so that both show where they coincide
_LEAST_SPAN = 0.05  # of an axis: less is no change
PLACES = ("first partial convolution", "second partial convolution")
REPORT = (0.77, 0.9)
"""The report's own final (a, b)."""
MEAN = (1 / 3, 2 / 3)
"""The (a, b) that leave the mean as it is."""

Steps = Float[ndarray, "seeds steps"]


@styled
def draw_powers(powers: Sequence[Steps]) -> Figure:
    """Fig. 17: the exponent p of the power mean over training, a panel a partial convolution.

    Args:
        powers: p of the first and of the second partial convolution.
    """
    figure = new_figure(8.2, 3.1)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, letter, place, values, colour in zip(panels, "ab", PLACES, powers, _COLOURS):
        _plot(panel, values, colour)
        panel.set(title=f"({letter}) {place}", ylabel="exponent p (no unit)")
        _level(panel, 1.0, "p = 1, the mean")
        _end(panel, values)
    _widen(panels[0])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center")
    return figure


@styled
def draw_polynomials(a: Sequence[Steps], b: Sequence[Steps]) -> Figure:
    """Fig. 18: a and b over training, and the polynomials that they end in.

    Args:
        a, b: value at 1/3 and at 2/3, of the first and of the second partial convolution.
    """
    figure = new_figure(9.0, 3.3)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.05])
    for panel, name, of_both, start in ((left, "a", a, "1/3"), (middle, "b", b, "2/3")):
        for place, values, colour, width in zip(PLACES, of_both, _COLOURS, _WIDTHS):
            _plot(panel, values, colour, place, width)
        panel.set_title(f"({name}) value at a mean of {start}", loc="left")
        panel.set_ylabel(f"{name} (no unit)")
        _level(panel, MEAN["ab".index(name)], "(a, b) = (1/3, 2/3), the mean")
        _widen(panel)
    finals = [(float(x[:, -1].mean()), float(y[:, -1].mean())) for x, y in zip(a, b)]
    _draw_polynomials(right, dict(zip(PLACES, finals)))
    both = zip(*(panel.get_legend_handles_labels() for panel in (left, right)))
    figure.legend(*map(list, map(chain.from_iterable, both)), loc="outside upper center", ncols=4)
    return figure


def _draw_polynomials(panel: Axes, finals: Mapping[str, tuple[float, float]]) -> None:
    x = torch.linspace(0, 1, 121)
    panel.plot((0, 1), (0, 1), color=MUTED, lw=1.0, ls="--")
    panel.plot(x, cubic(x, *REPORT), color=GREY, lw=0.9, label="the report's final (0.77, 0.9)")
    for row, ((a, b), colour, width) in enumerate(zip(finals.values(), _COLOURS, _WIDTHS)):
        panel.plot(x, cubic(x, a, b), color=colour, lw=width)
        panel.plot((1 / 3, 2 / 3), (a, b), color=colour, ls="", marker="o", ms=4)
        text = f"({a:.2f}, {b:.2f})"
        panel.text(0.98, 0.13 - 0.1 * row, text, ha="right", fontsize=8, color=colour)
    panel.text(0.98, 0.23, "(a, b) at the end:", ha="right", fontsize=7.5, color=INK)
    panel.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    for ticks in (panel.set_xticks, panel.set_yticks):
        ticks([0, 1 / 3, 2 / 3, 1], ["0", "1/3", "2/3", "1"])
    panel.set_title("(c) final polynomials", loc="left")
    panel.set(xlabel="weighted mean confidence of the window", ylabel="new confidence")
    panel.grid()


def _plot(
    panel: Axes, values: Steps, colour: str, label: str | None = None, width: float = 1.8
) -> None:
    """Each seed faint, their mean bold."""
    steps = np.arange(1, values.shape[1] + 1)
    if len(values) > 1:
        for seed in values:
            panel.plot(steps, seed, color=colour, alpha=0.3, lw=0.7)
    panel.plot(steps, values.mean(axis=0), color=colour, lw=width, label=label)
    panel.set_xlabel("training step")
    panel.grid(axis="y")
    panel.margins(x=0.01, y=0.12)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _level(panel: Axes, value: float, words: str) -> None:
    panel.axhline(value, color=MUTED, lw=1.0, ls="--", label=words)


def _widen(panel: Axes) -> None:
    """So that an axis does not make much of little."""
    low, high = panel.get_ylim()
    room = max(0.0, (_LEAST_SPAN - (high - low)) / 2)
    panel.set_ylim(low - room, high + room)


def _end(panel: Axes, values: Steps) -> None:
    final = values[:, -1].mean()
    panel.annotate(
        f"{final:.2f}", (values.shape[1], final), (-2, 5 if final >= 1 else -5),
        textcoords="offset points", ha="right", va="bottom" if final >= 1 else "top", fontsize=8,
    )  # fmt: skip
