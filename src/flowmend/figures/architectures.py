"""Fig. 16: encoder, decoder and both updates, as the networks themselves say (report, 3.3)."""

import re
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from flowmend.figures.diagrams import Layer, arrow, operation, times, trace, volume
from flowmend.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    new_figure,
    styled,
)
from flowmend.networks.refinement import Refiner

Layers = Mapping[str, Layer]
_WIDTH = 11.8  # inches, as are all positions
_SIDE, _ROW = 0.5, 1.0  # height of a volume; between two sources
_CONV = 0.96  # width of a convolution's box
_FRAMES = ("frame t", "frame t − 1", "frame t + 1")


@styled
def draw_architectures(first: Refiner, second: Refiner, height: int, width: int) -> Figure:
    """Fig. 16: (a) encoder and decoder, (b) and (c) the two updates.

    Every layer, shape and count is read off a refinement step.

    Args:
        first, second: refiners of architecture 1 and 2; (a) is the first's.
        height, width: of a frame, px.
    """
    # The middle one of three frames has both neighbours.
    given = torch.zeros(1, 3, 2, 2, height, width), torch.zeros(1, 3, height, width).bool()
    traced = [trace(refiner, *given, 1) for refiner in (first, second)]
    figure = new_figure(_WIDTH + 0.1, 8.75)
    axes = figure.add_subplot()
    axes.set(xlim=(-1.05, _WIDTH - 1.05), ylim=(-0.5, 8.25), aspect="equal")
    axes.set_axis_off()
    _draw_codec(axes, traced[0], 7.1)
    for layers, refiner, low, title in (
        (traced[0], first, 3.45, "(b) update, architecture 1:"),
        (traced[1], second, 0.0, "(c) update, architecture 2:"),
    ):
        _title(axes, low + 2.72, f"{title} {layers['update'].parameters:,} parameters")
        _draw_update(axes, layers, refiner, low)
    return figure


def _title(axes: Axes, y: float, title: str) -> None:
    axes.text(-1.0, y, title, ha="left", va="center", fontsize=9, fontweight="bold", color=INK)


def _draw_codec(axes: Axes, layers: Layers, y: float) -> None:
    """Flow to features and back; the boxes name who does it."""
    _title(axes, y + 0.95, "(a) encoder and decoder")
    encoder, decoder = layers["encoder"], layers["decoder"]
    x = 0.0
    volume(axes, x, y, _SIDE, GREY, f"both flows\n{times(encoder.inputs)}")
    for part, made, colour, label in (
        (encoder, encoder.output, BLUE, "features F"),
        (decoder, decoder.output, GREY, "both flows"),
    ):
        steps = _children(layers, part.path)
        _surround(axes, x + 0.55, x + 0.55 + 1.5 * len(steps), y, part)
        for number, step in enumerate(steps):
            at = x + 1.3 + 1.5 * number
            operation(axes, at, y, 1.1, 0.62, _residual(layers, step))
            arrow(axes, (at - (1.0 if number == 0 else 0.9), y), (at - 0.58, y))
        end = x + 1.3 + 1.5 * len(steps)
        arrow(axes, (end - 0.92, y), (end - 0.3, y))
        x = end
        volume(axes, x, y, _SIDE, colour, f"{label}\n{times(made)}")


def _children(layers: Layers, path: str) -> list[Layer]:
    """The parts of a part, in the order of the pass."""
    depth = path.count(".") + 1
    return [p for n, p in layers.items() if n.startswith(path + ".") and n.count(".") == depth]


def _residual(layers: Layers, part: Layer) -> str:
    """What a layer does; a residual one, by the convolutions in it."""
    inner = [layer.words for layer in _children(layers, part.path)]
    return (
        "residual:\n" + " and\n".join(sorted(set(inner))) + f", × {len(inner)}"
        if inner
        else (part.words)
    )


def _surround(axes: Axes, left: float, right: float, y: float, part: Layer) -> None:
    box = Rectangle((left, y - 0.6), right - left, 1.2, fc="none", ec=MUTED, lw=0.9, ls=(0, (4, 3)))
    axes.add_patch(box)
    text = f"{part.kind}, {part.parameters:,} parameters"
    axes.text((left + right) / 2, y - 0.66, text, ha="center", va="top", fontsize=8, color=MUTED)


def _draw_update(axes: Axes, layers: Layers, refiner: Refiner, low: float) -> None:
    """Three sources, two layers of convolutions, and the weighted sum with what was there."""
    update = layers["update"]
    convs = [p for p in layers.values() if p.path.startswith("update.") and "conv" in p.words]
    *first, second = convs
    rows = [low + (2 - row) * _ROW for row in range(len(update.sources))]
    for y, frame, shape in zip(rows, _FRAMES, update.sources):
        own = frame == _FRAMES[0]
        label = frame if own else f"{frame},\n{refiner.neighbours}"
        axes.text(-0.38, y, label, ha="right", va="center", fontsize=8, color=INK)
        _confident(axes, 0, y, BLUE, shape, "F" if own else "F, F − Fₜ:", "κ")
    _draw_layers(axes, layers, first, rows, 1.75)
    inner = [rows[len(rows) // 2]] if len(first) == 1 else rows
    for y, conv in zip(inner, first):
        _confident(axes, 3.0, y, PURPLE, conv.output, "", "κ")
    _draw_layers(axes, layers, [second], inner, 4.75)
    _draw_sum(axes, second, rows, open_to="in the hole" if refiner.persistent else "(1 − κ)")


def _confident(
    axes: Axes, x: float, y: float, colour: str, shape: tuple[int, ...], name: str, trust: str
) -> None:
    """Features with their confidence beside them; an arrow goes on from there."""
    volume(axes, x, y, _SIDE, colour, f"{name} {times(shape)}".strip())
    side = 0.62 * _SIDE
    sheet = Rectangle((x + 0.42, y - side / 2), side, side, fc=ORANGE, ec="white", lw=0.9)
    axes.add_patch(sheet)
    axes.text(x + 0.42 + side / 2, y, trust, ha="center", va="center", fontsize=7.5, color=INK)


def _draw_layers(
    axes: Axes, layers: Layers, convs: Sequence[Layer], rows: Sequence[float], x: float
) -> None:
    """Convolutions with their rules: one for all rows, or one a row."""
    for number, conv in enumerate(convs):
        own = rows if len(convs) == 1 else rows[number : number + 1]
        middle, height = (own[0] + own[-1]) / 2, own[0] - own[-1] + 0.78
        rule = layers.get(conv.path + ".rule")
        said = f"\nκ: {_spoken(rule.kind)}" if rule else "\nκ: mean gate"
        operation(axes, x, middle, _CONV, height, conv.words + said)
        for y in own:
            arrow(axes, (x - 0.92, y), (x - _CONV / 2 - 0.04, y))
        arrow(axes, (x + _CONV / 2, middle), (x + 0.92, middle))


def _draw_sum(axes: Axes, last: Layer, rows: Sequence[float], open_to: str) -> None:
    """The correction, and how it is added to the features that were there."""
    y, top = rows[len(rows) // 2], rows[0] + 0.5
    _confident(axes, 6.0, y, GREEN, last.output, "ΔF", "κ′")
    arrow(axes, (6.82, y), (7.16, y))
    label = f"F′ = F + ΔF,  w = κ′ {open_to}\n"
    label += "F becomes (F + w F′) / (1 + w)\nκ becomes max (κ, κ′)"
    operation(axes, 8.2, y, 2.06, 0.9, label)
    arrow(axes, (0, rows[0] + _SIDE / 2 + 0.1), (0, top), (8.2, top), (8.2, y + 0.47))
    arrow(axes, (9.25, y), (9.57, y))
    _confident(axes, 9.88, y, BLUE, last.output, "F", "κ")


def _spoken(kind: str) -> str:
    """``PowerMean`` as ``power mean``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower()
