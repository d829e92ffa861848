"""Figs. 1 and 4: where flow agrees with itself, and what shows where it does not (2.2.2, 2.2.6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure, SubFigure
from numpy import ndarray

from flowmend.figures.panels import (
    bare,
    colour_bar,
    rim,
    round_up,
    show_error,
    show_flow,
    show_image,
    show_signed,
    show_wheel,
)
from flowmend.figures.style import new_figure, styled
from flowmend.geometry.derivatives import gradient, jacobian_norm, safe_norm, spatio_temporal
from flowmend.geometry.round_trip import round_trip

ESTIMATOR_WORDS = {"dis": "DIS", "flownet2": "FlowNet2"}


@dataclass(frozen=True)
class Pair:
    """The flow of a frame and the backward flow of the next, from one estimator.

    Attributes:
        clip, frame: where it stands; frames count from 0.
        estimator: who computed it.
        forward: flow from frame t to t+1, (2, H, W) float32, px.
        backward_next: flow from frame t+1 to t, same shape.
    """

    clip: str
    frame: int
    estimator: str
    forward: Float[ndarray, "2 height width"]
    backward_next: Float[ndarray, "2 height width"]

    def error(self) -> Float[ndarray, "height width"]:
        """The forward–backward error, px."""
        trip = round_trip(torch.from_numpy(self.forward), torch.from_numpy(self.backward_next))
        return trip.numpy()

    def measure(self) -> "PairMeasure":
        """Its mean speed and median error."""
        motion, error = np.hypot(*self.forward).mean(), np.median(self.error())
        return PairMeasure(self.clip, self.frame, self.estimator, float(motion), float(error))


class PairMeasure(NamedTuple):
    """A pair in two numbers: mean speed and median forward–backward error, px."""

    clip: str
    frame: int
    estimator: str
    motion_px: float
    error_px: float


def choose_pairs(measures: Iterable[PairMeasure]) -> tuple[PairMeasure, PairMeasure]:
    """The pairs with the least and the greatest median error among the fastest quarter.

    Slow pairs are left out because a scene at rest agrees with itself trivially; the median does
    not see occlusions, where even the true flow cannot agree.
    """
    by_motion = sorted(measures, key=lambda m: (-m.motion_px, m))
    fast = by_motion[: max(2, len(by_motion) // 4)]
    return min(fast, key=lambda m: (m.error_px, m)), max(fast, key=lambda m: (m.error_px, m))


@styled
def draw_round_trips(good: Pair, bad: Pair) -> Figure:
    """Fig. 1: the forward–backward error of two pairs, and the flow components it is made of."""
    ratio = good.forward.shape[1] / good.forward.shape[2]
    figure = new_figure(8.6, 1.5 + 6.0 * ratio)
    largest = round_up(float(np.percentile((good.error(), bad.error()), 99)))
    halves = figure.add_gridspec(1, 2, wspace=0.03)
    _draw_pair(figure.add_subfigure(halves[0]), good, "Good", largest)
    _draw_pair(figure.add_subfigure(halves[1]), bad, "Bad", largest)
    return figure


def _draw_pair(part: SubFigure, pair: Pair, word: str, largest: float) -> None:
    axes = part.subplot_mosaic("ee;xy;uv", height_ratios=[2.05, 1, 1])
    error = pair.error()
    estimator = ESTIMATOR_WORDS.get(pair.estimator, pair.estimator)
    part.suptitle(f"{word} pair: {pair.clip}, frame {pair.frame}, {estimator} flow")
    shown = show_error(axes["e"], error, largest)
    axes["e"].set_title(f"median {np.median(error):.2g} px, mean {error.mean():.2g} px", fontsize=8)
    colour_bar(axes["e"], shown, "forward–backward error (px)")
    span = round_up(float(np.percentile(np.abs((pair.forward, pair.backward_next)), 99.5)))
    rows = (
        ("xy", "forward {}, frame t", pair.forward),
        ("uv", "backward {}, frame t+1", pair.backward_next),
    )
    for places, title, flow in rows:
        for place, direction, component in zip(places, "xy", flow):
            shown = show_signed(axes[place], component, span)
            axes[place].set_title(title.format(direction), fontsize=8)
            bare(axes[place])
        colour_bar(axes[place], shown, "flow (px)")


@dataclass(frozen=True)
class Moment:
    """Two consecutive frames of a clip with all that Fig. 4 derives from them.

    Attributes:
        clip, frame: where it stands; frames count from 0.
        image: frame t, (3, h, w) uint8 at the video's own size.
        forward, forward_next: flow of frames t and t+1, (2, H, W) float32, px.
        backward_next: flow from frame t+1 to t, same shape.
    """

    clip: str
    frame: int
    image: UInt8[ndarray, "3 h w"]
    forward: Float[ndarray, "2 height width"]
    forward_next: Float[ndarray, "2 height width"]
    backward_next: Float[ndarray, "2 height width"]

    def maps(self) -> dict[str, Float[ndarray, "height width"]]:
        """The round trip (px), and three norms of gradients (px per px), by name."""
        f, f_next, b_next = map(
            torch.from_numpy, (self.forward, self.forward_next, self.backward_next)
        )
        trip = round_trip(f, b_next)
        return {
            "round_trip": trip.numpy(),
            "round_trip_gradient": safe_norm(gradient(trip), dim=-3).numpy(),
            "flow_gradient": jacobian_norm(f).numpy(),
            "spatio_temporal": spatio_temporal(f, f_next).numpy(),
        }


def relative_motion(flow: Float[ndarray, "2 height width"]) -> float:
    """Mean distance of a flow to its own median, px: how clearly things move against each other."""
    return float(np.hypot(*(flow - np.median(flow, axis=(1, 2), keepdims=True))).mean())


@styled
def draw_spatio_temporal(moment: Moment) -> Figure:
    """Fig. 4: round trip, flow gradient and spatio-temporal error; above, what they come from."""
    height, width = moment.forward.shape[1:]
    figure = new_figure(8.6, 0.9 + 2 * 2.35 * height / width)
    axes = figure.subplots(2, 3)
    show_image(axes[0, 0], moment.image, height, width)
    axes[0, 0].set_title(f"frame {moment.frame} of {moment.clip}")
    largest = rim(moment.forward)
    show_flow(axes[0, 1], moment.forward, largest)
    axes[0, 1].set_title("forward flow")
    show_wheel(axes[0, 1].inset_axes((1.02, 0.62, 0.3, 0.3)), largest)
    maps = moment.maps()
    panels = (
        (axes[0, 2], "round_trip_gradient", "gradient of (a)", "px per px"),
        (axes[1, 0], "round_trip", "(a) forward–backward error", "px"),
        (axes[1, 1], "flow_gradient", "(b) flow gradient norm", "px per px"),
        (axes[1, 2], "spatio_temporal", "(c) spatio-temporal error", "px per px"),
    )
    for axis, name, title, unit in panels:
        shown = show_error(axis, maps[name], round_up(float(np.percentile(maps[name], 99))))
        axis.set_title(title)
        colour_bar(axis, shown, unit)
    for axis in (axes[0, 1], axes[0, 2], axes[1, 1], axes[1, 2]):
        bare(axis)
    return figure
