"""Fig. 10: the warping module, as the network itself says (report, 2.5.2)."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from flowmend.figures.diagrams import Layer, arrow, operation, times, trace, volume
from flowmend.figures.style import BLUE, GREEN, GREY, MUTED, ORANGE, PURPLE, new_figure, styled
from flowmend.networks.unet_warp import UNetWarp

_TOP, _COPY, _BRANCH = 3.62, 2.0, 0.55  # rows, inches
_STEP = 0.98
_MODULE, _QUIET = "WarpingModule", ("LeakyReLU", "Sequential")


@styled
def draw_warping_module(network: UNetWarp, in_channels: int, height: int, width: int) -> Figure:
    """Fig. 10: where the translations come from, what they move, what the U-Net is fed.

    Every layer and every shape is read off a pass through ``network``.

    Args:
        in_channels: of its input.
        height, width: of its input, px.
    """
    layers = trace(network, torch.zeros(1, in_channels, height, width))
    path = next(path for path, layer in layers.items() if layer.kind == _MODULE)
    features, module = layers[path.rpartition(".")[0] + ".features"], layers[path]
    parts = [p for p in layers.values() if p.path.startswith(path + ".") and p.kind not in _QUIET]
    steps = _branch_steps(parts)
    last = 1 + len(steps)
    figure = new_figure(_STEP * (last + 4.2) + 1.4, 4.5)
    axes = figure.add_subplot()
    axes.set(xlim=(-0.55, _STEP * (last + 4.2) + 0.6), ylim=(-0.36, 4.2), aspect="equal")
    axes.set_axis_off()
    _surround(axes, 0.45 * _STEP, _STEP * (last + 1.55), module)
    _draw_features(axes, layers[""], features)
    _draw_branch(axes, steps)
    _draw_copy(axes, features, _STEP * last)
    _draw_rest(axes, layers[""], module, last)
    return figure


def _branch_steps(parts: Sequence[Layer]) -> list[str | tuple[int, ...]]:
    """Operations (words) and what they make (shapes), from the input to the translations."""
    steps: list[str | tuple[int, ...]] = []
    made: tuple[int, ...] = ()
    for part in parts:
        if part.kind == "Linear" and part.inputs == made[:1]:
            steps.append("pooled over\nthe map")
        steps.append(part.words)
        made = part.output
        if part.kind != "Linear":
            steps.append(made)
    return [*steps, made]


def _side(shape: tuple[int, ...]) -> float:
    """Height of a volume on the page: by the logarithm of its own."""
    return 0.22 + 0.1 * float(np.log2(shape[-1]))


def _draw_features(axes: Axes, whole: Layer, features: Layer) -> None:
    volume(axes, 0, _TOP, _side(whole.inputs), GREY, f"input\n{times(whole.inputs)}")
    operation(axes, _STEP, _TOP, 0.8, 0.55, features.words)
    volume(axes, 2 * _STEP, _TOP, _side(features.output), BLUE, f"f\n{times(features.output)}")
    arrow(axes, (0.35, _TOP), (_STEP - 0.42, _TOP))
    arrow(axes, (_STEP + 0.42, _TOP), (2 * _STEP - 0.3, _TOP))


def _draw_branch(axes: Axes, steps: Sequence[str | tuple[int, ...]]) -> None:
    """The lower row: what the module makes of the input itself."""
    arrow(axes, (0, _TOP - 1.0), (0, _BRANCH), (_STEP - 0.42, _BRANCH))
    for column, step in enumerate(steps[:-1], start=1):
        if isinstance(step, str):
            operation(axes, column * _STEP, _BRANCH, 0.84, 0.6, step)
        else:
            volume(axes, column * _STEP, _BRANCH, _side(step), ORANGE, times(step))
        arrow(axes, (column * _STEP + 0.43, _BRANCH), ((column + 1) * _STEP - 0.43, _BRANCH))
    assert not isinstance(steps[-1], str)
    channels = steps[-1][0] // 2
    label = f"translations\n{channels} × (x, y)"
    axes.text(
        len(steps) * _STEP, _BRANCH, label, ha="center", va="center", fontsize=8, color=PURPLE,
        fontweight="bold",
    )  # fmt: skip


def _draw_copy(axes: Axes, features: Layer, right: float) -> None:
    """The middle row: each channel of f, moved by its own translation."""
    start = 2 * _STEP
    at = right - _STEP
    arrow(axes, (start, _TOP - 1.0), (start, _COPY), (at - 0.55, _COPY))
    operation(axes, at, _COPY, 1.06, 0.6, "translate\neach channel")
    arrow(axes, (at, _BRANCH + 0.25), (at, _COPY - 0.32))
    arrow(axes, (at + 0.55, _COPY), (right + 0.75 * _STEP - 0.3, _COPY))
    volume(
        axes, right + 0.75 * _STEP, _COPY, _side(features.output), PURPLE,
        f"f, translated\n{times(features.output)}",
    )  # fmt: skip


def _draw_rest(axes: Axes, whole: Layer, module: Layer, last: int) -> None:
    """Features and copy side by side, and the network that goes on from there."""
    x = [_STEP * (last + step) for step in (2.3, 3.3, 4.25)]
    arrow(axes, (2 * _STEP + 0.3, _TOP), (x[0] - 0.32, _TOP))
    arrow(axes, (_STEP * (last + 0.75) + 0.3, _COPY), (x[0], _COPY), (x[0], _TOP - 1.0))
    volume(
        axes, x[0], _TOP, _side(module.output), GREEN, f"f beside its copy\n{times(module.output)}"
    )
    operation(axes, x[1], _TOP, 0.8, 0.55, "rest of the\nU-Net")
    volume(axes, x[2], _TOP, _side(whole.output), GREY, f"flow\n{times(whole.output)}")
    arrow(axes, (x[0] + 0.35, _TOP), (x[1] - 0.42, _TOP))
    arrow(axes, (x[1] + 0.42, _TOP), (x[2] - 0.38, _TOP))


def _surround(axes: Axes, left: float, right: float, module: Layer) -> None:
    low, high = -0.32, 2.62
    box = Rectangle(
        (left, low), right - left, high - low, fc="none", ec=MUTED, lw=0.9, ls=(0, (4, 3))
    )
    axes.add_patch(box)
    text = f"warping module, {module.parameters:,} parameters"
    axes.text(right - 0.1, low + 0.08, text, ha="right", va="bottom", fontsize=8, color=MUTED)
