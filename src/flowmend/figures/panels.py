"""The panels that figures share: picture, flow, signed component, error, outline of a hole."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.image import AxesImage
from numpy import ndarray

from flowmend.figures.colour_wheel import flow_colours, wheel_picture
from flowmend.figures.style import ERROR_COLOURS, INK, MUTED, SIGNED_COLOURS

KNOWN = "#eef0f3"
"""Behind an error that is shown in a hole alone."""


def show_image(axes: Axes, image: UInt8[ndarray, "3 h w"], height: int, width: int) -> None:
    """A frame, stretched over the working grid so that its axes are in that grid's px."""
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(np.moveaxis(image, 0, -1), extent=extent, interpolation="antialiased")
    _label(axes, height, width)


def show_flow(axes: Axes, flow: Float[ndarray, "2 height width"], largest_px: float) -> None:
    """A flow in the colours of the wheel whose rim is ``largest_px``; unknown flow is black."""
    axes.imshow(np.moveaxis(flow_colours(flow, largest_px), 0, -1))
    _label(axes, *flow.shape[1:])


def show_signed(
    axes: Axes, component: Float[ndarray, "height width"], largest_px: float
) -> AxesImage:
    """One component of a flow: blue is negative, white is rest, red is positive."""
    shown = axes.imshow(component, cmap=SIGNED_COLOURS, vmin=-largest_px, vmax=largest_px)
    _label(axes, *component.shape)
    return shown


def show_error(
    axes: Axes, error: Float[ndarray, "height width"], largest: float, colours: str = ERROR_COLOURS
) -> AxesImage:
    """A map that is never negative, from 0 to ``largest``."""
    shown = axes.imshow(error, cmap=colours, vmin=0, vmax=largest)
    _label(axes, *error.shape)
    return shown


def outline(axes: Axes, hole: Bool[ndarray, "height width"]) -> None:
    """Draw a hole's border along the pixels' sides, dark on a light rim: it shows on anything."""
    padded = np.pad(hole, 1)
    rows, columns = np.nonzero(padded[1:] != padded[:-1])
    level = [((x - 1.5, y - 0.5), (x - 0.5, y - 0.5)) for y, x in zip(rows, columns)]
    rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])
    upright = [((x - 0.5, y - 1.5), (x - 0.5, y - 0.5)) for y, x in zip(rows, columns)]
    for colour, width in (("white", 2.4), (INK, 1.0)):
        sides = LineCollection(level + upright, colors=colour, linewidths=width, clip_on=False)
        sides.set_capstyle("projecting")
        axes.add_collection(sides)


def colour_bar(axes: Axes, shown: AxesImage, label: str) -> Colorbar:
    """A colour bar as high as its panel, with quantity and unit.

    An arrow at an end says that some values lie beyond it.
    """
    values: ndarray = np.ma.compressed(np.ma.asarray(shown.get_array()))
    low, high = shown.get_clim()
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    extend = beyond.get((values.min() < low - 1e-6, values.max() > high + 1e-6), "both")
    place = axes.inset_axes((1.03, 0.0, 0.045, 1.0))
    bar = axes.figure.colorbar(shown, cax=place, label=label, extend=extend, extendfrac=0.04)
    bar.outline.set_visible(False)
    return bar


def show_wheel(axes: Axes, largest_px: float) -> None:
    """The key to the colours: direction by hue, and the speed of the rim in px."""
    axes.imshow(np.moveaxis(wheel_picture(181), 0, -1), extent=(-1.04, 1.04, 1.04, -1.04))
    axes.set_axis_off()
    axes.set_title(f"rim: {speed_text(largest_px)} px", fontsize=7, color=MUTED, pad=2)


def bare(axes: Axes) -> None:
    """Remove ticks and labels where a neighbour on the same grid has them."""
    axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
    axes.xaxis.labelpad = 3
    axes.spines[:].set_visible(False)


def window(hole: Bool[ndarray, "height width"], margin_px: int = 6) -> tuple[float, float, float]:
    """Top and left (px) of the frame's part around a hole, and its share of the frame's side.

    It has the frame's shape, so that all panels are alike.
    """
    spans, scale = [], 0.0
    for axis, side in ((1, hole.shape[0]), (0, hole.shape[1])):
        inside = np.flatnonzero(hole.any(axis=axis))
        spans.append((inside[0] - margin_px, inside[-1] + 1 + margin_px))
        scale = max(scale, (spans[-1][1] - spans[-1][0]) / side)
    scale = min(scale, 1.0)
    starts = [
        float(np.clip((low + high - scale * side) / 2, 0, side - scale * side)) - 0.5
        for (low, high), side in zip(spans, hole.shape)
    ]
    return starts[0], starts[1], scale


def look_at(axes: Axes, hole: Bool[ndarray, "height width"], margin_px: int = 6) -> None:
    """Show the part of the frame around a hole alone."""
    top, left, scale = window(hole, margin_px)
    height, width = (scale * side for side in hole.shape)
    axes.set(xlim=(left, left + width), ylim=(top + height, top))


def rim(*flows: Float[ndarray, "... 2 height width"]) -> float:
    """One scale for flows that are compared: their 99th percentile of speed, two digits, px."""
    speeds = np.concatenate([np.hypot(f[..., 0, :, :], f[..., 1, :, :]).ravel() for f in flows])
    return round_up(float(np.percentile(speeds[np.isfinite(speeds)], 99)))


def round_up(value: float) -> float:
    """The next number of two digits; 0.01 at the least, so that a scale is never empty."""
    value = max(value, 0.01)
    unit = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(round(np.ceil(value / unit - 1e-9) * unit, 10))


def speed_text(speed_px: float) -> str:
    """``3`` or ``0.25``: a speed without empty digits."""
    return f"{speed_px:g}"


def _label(axes: Axes, height: int, width: int) -> None:
    axes.set(
        xticks=[0, width - 1], yticks=[0, height - 1], xlabel="x (px)", ylabel="y (px)",
        xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5),
    )  # fmt: skip
    axes.xaxis.labelpad, axes.yaxis.labelpad = -6, -10
    axes.spines[:].set_visible(False)
