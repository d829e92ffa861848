"""Fig. 21: the round trip and the shorter of the two round trips (report, 3.4.3, reading R3)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from flowmend.figures.panels import (
    bare,
    colour_bar,
    outline,
    rim,
    round_up,
    show_error,
    show_flow,
    show_image,
    show_wheel,
)
from flowmend.figures.style import new_figure, styled
from flowmend.geometry.round_trip import min_round_trip, round_trip


@dataclass(frozen=True)
class Neighbourhood:
    """A frame with the flows that tie it to the frame before and the frame after.

    Attributes:
        clip, frame: where it stands; frames count from 0.
        image: of the frame, (3, h, w) uint8 at the video's own size.
        forward, backward: its flows, (2, H, W) float32, px.
        backward_next: backward flow of the frame after, same shape.
        forward_previous: forward flow of the frame before, same shape.
        occluded: what the next frame does not show, bool (H, W).
    """

    clip: str
    frame: int
    image: UInt8[ndarray, "3 h w"]
    forward: Float[ndarray, "2 height width"]
    backward: Float[ndarray, "2 height width"]
    backward_next: Float[ndarray, "2 height width"]
    forward_previous: Float[ndarray, "2 height width"]
    occluded: Bool[ndarray, "height width"]

    def errors(self) -> tuple[Float[ndarray, "height width"], Float[ndarray, "height width"]]:
        """The forward–backward error and the shorter of both round trips, px."""
        f_t, b_next, b_t, f_prev = map(
            torch.from_numpy,
            (self.forward, self.backward_next, self.backward, self.forward_previous),
        )
        return round_trip(f_t, b_next).numpy(), min_round_trip(f_t, b_next, b_t, f_prev).numpy()


@styled
def draw_min_round_trip(shown: Neighbourhood) -> Figure:
    """Fig. 21: the frame and its flow above; below, both errors on one scale."""
    height, width = shown.forward.shape[1:]
    figure = new_figure(7.4, 0.9 + 6.2 * height / width)
    axes = figure.subplots(2, 2)
    show_image(axes[0, 0], shown.image, height, width)
    axes[0, 0].set_title(f"frame {shown.frame} of {shown.clip}")
    largest = rim(shown.forward)
    show_flow(axes[0, 1], shown.forward, largest)
    axes[0, 1].set_title("forward flow of the frame")
    show_wheel(axes[0, 1].inset_axes((1.04, 0.62, 0.3, 0.3)), largest)
    _draw_errors(axes[1], shown)
    for panel in axes.flat[1:]:
        outline(panel, shown.occluded)
        bare(panel)
    outline(axes[0, 0], shown.occluded)
    return figure


def _draw_errors(panels: ndarray, shown: Neighbourhood) -> None:
    errors = shown.errors()
    largest = round_up(float(np.percentile(errors[0], 99)))
    titles = ("forward–backward error", "min (forward–backward, backward–forward)")
    panel: Axes
    for panel, error, title in zip(panels, errors, titles):
        picture = show_error(panel, error, largest)
        panel.set_title(f"{title}\nmean {error.mean():.2g} px")
    colour_bar(panels[1], picture, "error (px)")
