"""Fig. 13 and what follows Fig. 14: flow and edges mended together (report, 2.6.2 and 2.6.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.image import AxesImage
from numpy import ndarray

from flowmend.figures.panels import (
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
from flowmend.figures.style import FAINT, INK, VERMILION, new_figure, styled
from flowmend.geometry.derivatives import jacobian_norm
from flowmend.losses.edges import edge_agreement

_MARGIN_PX = 8
_KNOWN_EDGE = "#9aa1ab"
_INSIDE = LinearSegmentedColormap.from_list("inside", ("white", VERMILION, "#5c1a00"))

Map = Float[ndarray, "height width"]
Flow = Float[ndarray, "2 height width"]
Edges = Bool[ndarray, "height width"]


@dataclass(frozen=True)
class JointCase:
    """One frame of a test case, its flow and edges mended together.

    Attributes:
        clip, frame: which; frames count from 0.
        hole: bool (H, W).
        truth, flow: true and mended forward flow, (2, H, W) float32, px.
        true_edges: bool (H, W).
        edges: predicted probability of an edge, (H, W) in [0, 1]; the true ones outside the hole.
    """

    clip: str
    frame: int
    hole: Edges
    truth: Flow
    flow: Flow
    true_edges: Edges
    edges: Map

    def mean_error(self, flow: Flow) -> float:
        """Mean end-point error of a flow in the hole, px."""
        return float(np.hypot(*(flow - self.truth))[self.hole].mean())


@dataclass(frozen=True)
class WithoutEdges:
    """What the same network makes of a case when it is not told of edges.

    Attributes:
        flow: mended forward flow, (2, H, W), px.
        edges: Canny on it, bool (H, W).
    """

    flow: Flow
    edges: Edges


@styled
def draw_joint(cases: Sequence[tuple[JointCase, WithoutEdges]]) -> Figure:
    """Fig. 13: per example a row of flows and a row of edges; the last column but one is without.

    Args:
        cases: examples, from top to bottom.
    """
    height, width = cases[0][0].hole.shape
    figure = new_figure(8.2, 0.4 + 2 * len(cases) * (0.2 + 1.72 * height / width))
    grid = GridSpec(2 * len(cases), 5, figure, width_ratios=[1, 1, 1, 1, 0.42])
    for number, (case, without) in enumerate(cases):
        panels = np.array(
            [[figure.add_subplot(grid[2 * number + r, c]) for c in range(5)] for r in range(2)]
        )
        _draw_flow_row(panels[0], case, without)
        _draw_edge_row(panels[1], case, without)
        panels[0, 0].set_ylabel(f"({'abcdefgh'[number]}) {case.clip}", color=INK)
    return figure


def _draw_flow_row(panels: Sequence[Axes], case: JointCase, without: WithoutEdges) -> None:
    largest = rim(case.truth)
    flows = (np.where(case.hole, np.nan, case.truth), case.flow, without.flow, case.truth)
    words = ("masked flow", "inpainted flow", "inpainted without edges", "true flow")
    for panel, flow, word in zip(panels, flows, words):
        show_flow(panel, flow, largest)
        _finish(panel, case.hole)
        panel.set_title(word)
    for panel, flow in zip(panels[1:3], flows[1:3]):
        panel.set_xlabel(f"{case.mean_error(flow):.2f} px", color=INK)
    panels[-1].set_axis_off()
    show_wheel(panels[-1].inset_axes((0.1, 0.25, 0.8, 0.5)), largest)


def _draw_edge_row(panels: Sequence[Axes], case: JointCase, without: WithoutEdges) -> None:
    known = case.true_edges & ~case.hole
    maps = (known, case.edges, without.edges, case.true_edges)
    words = ("known edges", "inpainted edges", "Canny on the flow above", "true edges")
    for panel, edges, word in zip(panels, maps, words):
        shown = show_edges(panel, edges.astype(float), case.hole)
        _finish(panel, case.hole)
        panel.set_title(word)
    panels[-1].set_axis_off()
    colour_bar(panels[-2], shown, "edge in the hole")


def show_edges(panel: Axes, edges: Map, hole: Edges) -> AxesImage:
    """Edges outside the hole in grey, inside in colour by their probability."""
    outside = np.where(edges[..., None] > 0.5, _grey(), 1.0)
    panel.imshow(np.where(hole[..., None], 1.0, outside))
    shown = show_error(panel, np.ma.masked_where(~hole, edges), 1.0)
    shown.set_cmap(_INSIDE)
    return shown


def _grey() -> ndarray:
    return np.array([int(_KNOWN_EDGE[k : k + 2], 16) / 255 for k in (1, 3, 5)])


def _finish(panel: Axes, hole: Edges) -> None:
    bare(panel)
    panel.yaxis.labelpad = 3
    outline(panel, hole)
    look_at(panel, hole, _MARGIN_PX)
    panel.spines[:].set_visible(True)
    panel.spines[:].set_color(FAINT)


@styled
def draw_agreement(case: JointCase, threshold_px: float) -> Figure:
    """What the edge agreement loss gives: flow, edges, gradient norm and L(e, n), truth below.

    Args:
        threshold_px: N of the loss, px per px.
    """
    height, width = case.hole.shape
    figure = new_figure(9.8, 0.5 + 2 * (0.12 + 1.62 * height / width))
    axes = figure.subplots(2, 4, width_ratios=[1, 1.06, 1.06, 1])
    rows = ((case.flow, case.edges), (case.truth, case.true_edges.astype(np.float32)))
    largest = rim(case.truth)
    steepest = round_up(float(np.percentile(gradient_norm(case.truth)[case.hole], 98)))
    for row, (flow, edges) in zip(axes, rows):
        norm = gradient_norm(flow)
        show_flow(row[0], flow, largest)
        shown = show_edges(row[1], edges, case.hole)
        slope = show_error(row[2], norm, steepest)
        loss = show_error(row[3], agreement(edges, norm, threshold_px), 1.0, "viridis")
        for panel in row:
            _finish(panel, case.hole)
        inside = agreement(edges, norm, threshold_px)[case.hole].mean()
        row[3].set_xlabel(f"mean in the hole {inside:.2f}", color=INK)
        colour_bar(row[1], shown, "edge in the hole")
        colour_bar(row[2], slope, "px per px")
        colour_bar(row[3], loss, "L(e, n)")
        show_wheel(row[0].inset_axes((1.07, 0.36, 0.24, 0.28)), largest)
    titles = ("flow", "edges e", "gradient norm n", "L(e, n)")
    for panel, word in zip(axes[0], titles):
        panel.set_title(word)
    for panel, word in zip(axes[:, 0], ("predicted", "true")):
        panel.set_ylabel(word, color=INK, fontsize=9)
    return figure


def gradient_norm(flow: Flow) -> Map:
    """Norm of a flow's gradient, px per px."""
    return jacobian_norm(torch.from_numpy(np.ascontiguousarray(flow))).numpy()


def agreement(edges: Map, norm: Map, threshold_px: float) -> Map:
    """L(e, n) at each pixel, in [0, 1]."""
    e, n = (torch.from_numpy(np.asarray(part, np.float32)) for part in (edges, norm))
    return edge_agreement(e, n, threshold_px).numpy()
