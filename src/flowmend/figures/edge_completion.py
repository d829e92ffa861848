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

from flowmend.evaluation.boundaries import f_measure, matches, within
from flowmend.figures.panels import outline
from flowmend.figures.style import BLUE, FAINT, GREEN, GREY, VERMILION, new_figure, styled

Edges = Bool[ndarray, "height width"]

NEAR_PX = 2
LONG_SHARE = 0.25
"""Of all clips, those with the longest true edges in the hole: there is something to continue."""

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
        clip: its name.
        hole: bool (H, W).
        true: edges of the true flow, bool (H, W).
        boundaries: true motion boundaries, bool (H, W).
        drawn: edges by method, the one that is judged first, bool (H, W); not looked at outside
            the hole.
    """

    clip: str
    hole: Edges
    true: Edges
    boundaries: Edges
    drawn: Mapping[str, Edges]

    def length_px(self) -> int:
        """Pixels of true edges in the hole."""
        return int(np.count_nonzero(self.true & self.hole))

    def f_measure(self, method: str | None = None) -> float:
        """Within ``NEAR_PX``, in the hole."""
        return f_measure(self._edges(method), self.boundaries, NEAR_PX, self.hole).f_measure

    def false_px(self, method: str | None = None) -> int:
        """Edge pixels in the hole farther than ``NEAR_PX`` from any boundary."""
        counted = matches(self._edges(method), self.boundaries, NEAR_PX, self.hole)
        return counted.found - counted.right

    def _edges(self, method: str | None) -> Edges:
        return self.drawn[method or next(iter(self.drawn))]


def choose_examples(tries: Sequence[DrawnEdges]) -> dict[str, DrawnEdges]:
    """The median F-measure of the clips with the longest edges, and the most false edges."""
    by_length = sorted(tries, key=lambda tried: (-tried.length_px(), tried.clip))
    long = by_length[: max(1, round(LONG_SHARE * len(tries)))]
    median = sorted(long, key=lambda tried: (tried.f_measure(), tried.clip))[len(long) // 2]
    others = [tried for tried in tries if tried is not median] or [median]
    worst = max(others, key=lambda tried: (tried.false_px(), tried.clip))
    return {"median of those with long edges": median, "most false edges": worst}


@styled
def draw_edge_completion(examples: Mapping[str, DrawnEdges]) -> Figure:
    """One row an example, named by why it is shown: the true edges, then each method's."""
    columns = 1 + max(len(example.drawn) for example in examples.values())
    height, width = next(iter(examples.values())).hole.shape
    panel = 2.55
    tall = panel * height / width + 0.75
    figure = new_figure(panel * columns + 0.3, len(examples) * tall + 0.5)
    rows = figure.subfigures(len(examples), 1, squeeze=False)[:, 0]
    for row, (why, example) in zip(rows, examples.items()):
        row.suptitle(f"{example.clip}: {why}", fontsize=9)
        axes = row.subplots(1, columns)
        _show(axes[0], example, _true_colours(example), "true edges")
        axes[0].set_xlabel(f"{example.length_px()} px in the hole", fontsize=7)
        for axis, (method, drawn) in zip(axes[1:], example.drawn.items()):
            _show(axis, example, _drawn_colours(example, drawn), method)
            f, false = example.f_measure(method), example.false_px(method)
            axis.set_xlabel(f"F {f:.2f} within {NEAR_PX} px, {false} px false", fontsize=7)
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
