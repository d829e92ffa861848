"""Figs. 12 and 14: where edges can come from, and the loss that ties them to flow (2.6)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.axes3d import Axes3D
from numpy import ndarray

from flowmend.evaluation.statistics import Estimate
from flowmend.figures.panels import bare, rim, show_flow, show_image, show_wheel
from flowmend.figures.style import BLUE, EDGE_COLOURS, FAINT, INK, MUTED, new_figure, styled
from flowmend.geometry.derivatives import jacobian_norm
from flowmend.losses.edges import edge_agreement


@dataclass(frozen=True)
class EdgeSources:
    """One frame and its edges from every source.

    Attributes:
        clip, frame: where it stands; frames count from 0.
        image: (3, h, w) uint8 at the video's own size.
        segmentation: object ids, (H, W) uint8.
        flow: forward flow, (2, H, W) float32, px.
        edges: by source ("segmentation", "image" by Canny, "flow"), bool (H, W); of "hed" too,
            where its weights are there.
    """

    clip: str
    frame: int
    image: UInt8[ndarray, "3 h w"]
    segmentation: UInt8[ndarray, "height width"]
    flow: Float[ndarray, "2 height width"]
    edges: Mapping[str, Bool[ndarray, "height width"]]

    def gradient_on_edges(self) -> dict[str, float]:
        """Mean norm of the flow's gradient on each source's edges, px per px; NaN without edges."""
        norm = jacobian_norm(torch.from_numpy(self.flow)).numpy()
        return {
            source: float(norm[found].mean()) if found.any() else float("nan")
            for source, found in self.edges.items()
        }


Agreements = Mapping[str, Mapping[str, Estimate]]
"""F-measure by tolerance ("1 px") and source."""

_SOURCES = {
    "image": "Canny on the image",
    "segmentation": "outlines of the objects",
    "flow": "Canny on the flow",
    "hed": "HED on the image",
}
ADD_HED = "flowmend weights add hed FILE"
_ESTIMATED = {"estimated flow": "Canny on estimated flow"}
_BAR_COLOURS = ("#9ec9e2", BLUE)


@styled
def draw_edge_sources(sources: EdgeSources, agreements: Agreements | None = None) -> Figure:
    """Fig. 12: each edge map below what it is computed from, and what each is worth.

    Args:
        sources: one frame.
        agreements: with the true motion boundaries of all test clips; None where there are none.
    """
    height, width = sources.flow.shape[1:]
    rows = 2 * 2.05 * height / width
    if agreements is None:
        figure = new_figure(9.2, 1.2 + rows)
        _draw_maps(sources, figure.subplots(2, 4))
        return figure
    figure = new_figure(9.2, 3.0 + rows)
    maps, bars = figure.subfigures(2, 1, height_ratios=(1.2 + rows, 1.8), squeeze=False)[:, 0]
    _draw_maps(sources, maps.subplots(2, 4))
    _draw_agreements(bars.subplots(), agreements)
    return figure


def _draw_maps(sources: EdgeSources, axes: ndarray) -> None:
    height, width = sources.flow.shape[1:]
    largest = rim(sources.flow)
    show_image(axes[0, 0], sources.image, height, width)
    axes[0, 1].imshow(_object_colours(sources.segmentation))
    show_flow(axes[0, 2], sources.flow, largest)
    show_wheel(axes[0, 3].inset_axes((0.2, 0.2, 0.6, 0.6)), largest)
    axes[0, 3].set_axis_off()
    for axis, title in zip(
        axes[0], (f"frame {sources.frame} of {sources.clip}", "objects", "flow")
    ):
        axis.set_title(title)
    strengths = sources.gradient_on_edges()
    for axis, source in zip(axes[1], _SOURCES):
        if source not in sources.edges:
            _say_what_is_missing(axis, height / width)
            continue
        axis.imshow(sources.edges[source], cmap=EDGE_COLOURS, vmin=0, vmax=1)
        axis.set_title(_SOURCES[source])
        axis.set_xlabel(_strength_words(strengths[source]), fontsize=7)
        _frame(axis)
    for axis in axes[0, 1:3]:
        bare(axis)


def _strength_words(strength: float) -> str:
    if np.isnan(strength):
        return "no edges"
    return f"flow gradient on them: {strength:.2f} px per px"


def _draw_agreements(axes: Axes, agreements: Agreements) -> None:
    """Horizontal bars in pairs, one pair a source, best on top, with 95 % intervals."""
    (strict, *_), bars = agreements.values(), len(agreements)
    order = sorted(strict, key=lambda source: strict[source].value)
    for k, ((tolerance, of_source), colour) in enumerate(zip(agreements.items(), _BAR_COLOURS)):
        places = np.arange(len(order)) + 0.36 * ((bars - 1) / 2 - k)
        found = [of_source[source] for source in order]
        label = f"within {tolerance}"
        axes.barh(places, [f.value for f in found], 0.34, color=colour, label=label)
        for place, f in zip(places, found):
            axes.plot([f.low, f.high], [place, place], color=INK, lw=1.2)
            right = f.value if np.isnan(f.high) else f.high
            axes.text(right + 0.01, place, f"{f.value:.2f}", va="center", fontsize=7, color=MUTED)
    titles = _SOURCES | _ESTIMATED
    names = [titles.get(source, source) for source in order]
    axes.set_yticks(range(len(order)), names, fontsize=8, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1.06), xticks=np.linspace(0, 1, 6))
    axes.set_xlabel("F-measure against the true motion boundaries, all test clips")
    axes.grid(axis="x")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _frame(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)


def _say_what_is_missing(axes: Axes, aspect: float) -> None:
    axes.set(box_aspect=aspect, title=_SOURCES["hed"], facecolor="#f4f5f7")
    _frame(axes)
    text = f"not computed:\nHED's weights are missing.\nTo add them:\n{ADD_HED}"
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=7, color=MUTED)


def _object_colours(ids: UInt8[ndarray, "height width"]) -> UInt8[ndarray, "height width 3"]:
    """Background in white and a stable hue for each object."""
    hues = np.array(
        [(255, 255, 255), (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167),
         (86, 180, 233), (213, 94, 0), (240, 228, 66)], np.uint8,
    )  # fmt: skip
    return hues[np.where(ids == 0, 0, (ids - 1) % (len(hues) - 1) + 1)]


@styled
def draw_edge_agreement() -> Figure:
    """Fig. 14: the surface L(e, n), and the same seen from above with its switch at n = N ln 2."""
    e, n = np.meshgrid(np.linspace(0, 1, 61), np.linspace(0, 4, 121))
    loss = edge_agreement(torch.from_numpy(e), torch.from_numpy(n), 1.0).numpy()
    figure = new_figure(8.4, 3.6)
    grid = figure.add_gridspec(1, 2, width_ratios=[1.25, 1])
    surface = figure.add_subplot(grid[0], projection="3d")
    assert isinstance(surface, Axes3D)
    surface.plot_surface(e, n, loss, cmap="viridis", vmin=0, vmax=1, rcount=41, ccount=31, lw=0)
    surface.set(xlabel="edge e", ylabel="gradient norm n / N", zlim=(0, 1))
    surface.set(xticks=[0, 0.5, 1], yticks=[0, 1, 2, 3, 4], zticks=[0, 0.5, 1], title="L(e, n)")
    surface.set_box_aspect((1, 1.15, 0.8), zoom=0.92)
    surface.view_init(elev=28, azim=-128)
    above = figure.add_subplot(grid[1])
    filled = above.contourf(e, n, loss, levels=np.linspace(0, 1, 21), cmap="viridis")
    above.axhline(np.log(2), color="white", lw=1.2, ls="--")
    above.text(0.5, np.log(2) + 0.06, "n = N ln 2", color="white", ha="center", fontsize=8)
    above.text(0.03, 0.06, "no edge is best", color="white", fontsize=7)
    above.text(0.97, 3.86, "an edge is best", color="white", ha="right", va="top", fontsize=7)
    above.set(xlabel="edge e", ylabel="gradient norm n / N", xticks=[0, 0.5, 1])
    bar = figure.colorbar(filled, ax=above, label="L(e, n)", ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.outline.set_visible(False)
    return figure
