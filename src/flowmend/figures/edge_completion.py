"""Fig. 15: edges of single frames continued into the hole by a conditional WGAN-GP (2.6.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy import ndarray

from flowmend.evaluation.boundaries import within
from flowmend.figures.panels import outline
from flowmend.figures.style import BLUE, FAINT, GREEN, GREY, VERMILION, new_figure, styled

Edges = Bool[ndarray, "height width"]

NEAR_PX = 2
_INSIDE = "#f1f2f4"
_LEGEND = {
    "known edge": GREY,
    "true edge in the hole": GREEN,
    f"drawn, within {NEAR_PX} px of a true boundary": BLUE,
    "drawn where there is none": VERMILION,
}


@dataclass(frozen=True)
class DrawnEdges:
    """One frame whose edges were completed.

    Attributes:
        title: which, and why it is shown.
        hole: bool (H, W).
        true: edges of the true flow, bool (H, W).
        boundaries: true motion boundaries, bool (H, W).
        drawn: edges by method, bool (H, W); not looked at outside the hole.
    """

    title: str
    hole: Edges
    true: Edges
    boundaries: Edges
    drawn: Mapping[str, Edges]


@styled
def draw_edge_completion(examples: Sequence[DrawnEdges]) -> Figure:
    """One row an example: the true edges, then what each method draws in the hole."""
    methods = list(examples[0].drawn)
    columns = 1 + len(methods)
    height, width = examples[0].hole.shape
    panel = 2.55
    figure = new_figure(panel * columns + 0.3, len(examples) * (panel * height / width + 0.5) + 0.4)
    for row, example in zip(figure.subfigures(len(examples), 1, squeeze=False)[:, 0], examples):
        row.suptitle(example.title, fontsize=8.5)
        axes = row.subplots(1, columns)
        _show(axes[0], example, _true_colours(example), "true edges")
        for axis, method in zip(axes[1:], methods):
            _show(axis, example, _drawn_colours(example, example.drawn[method]), method)
    handles = [Patch(color=colour, label=label) for label, colour in _LEGEND.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=1.2)
    return figure


def _true_colours(example: DrawnEdges) -> ndarray:
    picture = _background(example)
    picture[example.hole & example.true] = to_rgb(GREEN)
    return picture


def _drawn_colours(example: DrawnEdges, drawn: Edges) -> ndarray:
    picture = _background(example)
    near = within(example.boundaries, NEAR_PX)
    picture[example.hole & drawn & near] = to_rgb(BLUE)
    picture[example.hole & drawn & ~near] = to_rgb(VERMILION)
    return picture


def _background(example: DrawnEdges) -> ndarray:
    """Known edges on white, the hole on a light ground, (H, W, 3)."""
    picture = np.ones((*example.hole.shape, 3))
    picture[example.hole] = to_rgb(_INSIDE)
    picture[~example.hole & example.true] = to_rgb(GREY)
    return picture


def _show(axes: Axes, example: DrawnEdges, picture: ndarray, title: str) -> None:
    axes.imshow(picture)
    outline(axes, example.hole)
    axes.set_title(title, fontsize=8)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)
