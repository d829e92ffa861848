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

from flowmend.figures.panels import bare, rim, show_flow, show_image, show_wheel
from flowmend.figures.style import EDGE_COLOURS, FAINT, MUTED, new_figure, styled
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
        edges: by source ("segmentation", "image", "flow"), bool (H, W).
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


@styled
def draw_edge_sources(sources: EdgeSources) -> Figure:
    """Fig. 12: each edge map below what it is computed from."""
    height, width = sources.flow.shape[1:]
    figure = new_figure(9.2, 1.2 + 2 * 2.05 * height / width)
    axes = figure.subplots(2, 4)
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
    titles = {"image": "Canny on the image", "segmentation": "outlines of the objects"}
    for axis, source in zip(axes[1], ("image", "segmentation", "flow")):
        axis.imshow(sources.edges[source], cmap=EDGE_COLOURS, vmin=0, vmax=1)
        axis.set_title(titles.get(source, "Canny on the flow"))
        axis.set_xlabel(f"flow gradient on them: {strengths[source]:.2f} px per px", fontsize=7)
        _frame(axis)
    for axis in axes[0, 1:3]:
        bare(axis)
    _say_what_is_missing(axes[1, 3], height / width)
    return figure


def _frame(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)


def _say_what_is_missing(axes: Axes, aspect: float) -> None:
    axes.set(box_aspect=aspect, title="HED on the image", facecolor="#f4f5f7")
    _frame(axes)
    text = "not computed:\nHED's trained weights\nare not part of flowmend"
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
