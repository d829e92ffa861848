"""Diagrams of networks, drawn from the modules themselves so that they cannot drift."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from torch import Tensor, nn

from flowmend.figures.style import INK, MUTED
from flowmend.networks.gated_conv import GatedConv
from flowmend.networks.partial_conv import PartialConv
from flowmend.networks.sources import Unwritten, parts_of

_SHEETS, _SHEET_STEP = 4, 0.045
PAPER = "#f4f5f7"


class Layer(NamedTuple):
    """A part of a module, as a pass through it saw it.

    Attributes:
        path: its name within the module, empty for the module itself.
        kind: its type.
        words: what it does, with its own numbers.
        inputs: shape of its (first) input, without the batch.
        output: shape of its (first) output, without the batch.
        parameters: how many it has.
        sources: shapes of its first inputs, where that is a list of them, without the batch.
    """

    path: str
    kind: str
    words: str
    inputs: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    sources: tuple[tuple[int, ...], ...] = ()


@torch.inference_mode()
def trace(module: nn.Module, *inputs: Any) -> dict[str, Layer]:
    """Every part of a module that a forward pass goes through, by path, in that order.

    Args:
        inputs: of the module; a batch of one does.
    """
    layers: dict[str, Layer] = {}

    def watch(path: str, part: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def note(_: nn.Module, given: tuple[Any, ...], made: Any) -> None:
            count = sum(p.numel() for p in part.parameters())
            sources, output = tuple(_shapes(given[0])), next(_shapes(made))
            kind = type(part).__name__
            layers[path] = Layer(path, kind, _words(part), sources[0], output, count, sources)

        return part.register_forward_hook(note)

    handles = [watch(path, part) for path, part in module.named_modules()]
    try:
        module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return layers


def _shapes(what: Any) -> Iterator[tuple[int, ...]]:
    """Of a tensor, or of all sources, without the batch."""
    if isinstance(what, list | Unwritten):
        for each in what:
            pieces = parts_of(each)
            yield sum(piece.shape[1] for piece in pieces), *pieces[0].shape[2:]
    else:
        yield tuple((what if isinstance(what, Tensor) else what[0]).shape[1:])


def _words(part: nn.Module) -> str:
    match part:
        case PartialConv():
            return "partial conv\n" + times(part.conv.kernel_size)
        case GatedConv():
            return "gated conv\n" + times(part.conv.kernel_size)
        case nn.Conv2d():
            stride = f"\nstride {part.stride[0]}" if part.stride[0] > 1 else ""
            return "conv " + times(part.kernel_size) + stride
        case nn.Linear():
            return "fully\nconnected"
        case nn.LeakyReLU():
            return "leaky ReLU"
    return type(part).__name__


def times(sizes: tuple[int, ...]) -> str:
    """``3×64×64``."""
    return "×".join(str(size) for size in sizes)


def volume(axes: Axes, x: float, y: float, height: float, colour: str, label: str) -> None:
    """A feature volume as a stack of sheets, centred at (x, y); its label stands below."""
    for sheet in reversed(range(_SHEETS)):
        shift = (sheet - (_SHEETS - 1) / 2) * _SHEET_STEP
        corner = (x - height / 4 + shift, y - height / 2 + shift)
        face = Rectangle(corner, height / 2, height, fc=colour, ec="white", lw=0.9)
        axes.add_patch(face)
    low = y - height / 2 - _SHEET_STEP * _SHEETS / 2 - 0.05
    axes.text(x, low, label, ha="center", va="top", fontsize=7.5, color=INK, linespacing=1.25)


def operation(axes: Axes, x: float, y: float, width: float, height: float, label: str) -> None:
    """A layer as a rounded box, centred at (x, y), with its label inside."""
    box = FancyBboxPatch(
        (x - width / 2 + 0.06, y - height / 2 + 0.06), width - 0.12, height - 0.12,
        boxstyle="round,pad=0.06", fc=PAPER, ec=MUTED, lw=0.8,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(x, y, label, ha="center", va="center", fontsize=7.5, color=INK, linespacing=1.25)


def arrow(axes: Axes, *corners: tuple[float, float]) -> None:
    """From the first corner along straight lines to the last, with a head there."""
    for start, end in pairwise(corners[:-1]):
        axes.plot(*zip(start, end), color=MUTED, lw=1.1, solid_capstyle="round")
    axes.add_patch(
        FancyArrowPatch(
            *corners[-2:], arrowstyle="-|>", mutation_scale=9, color=MUTED, lw=1.1, shrinkA=0,
            shrinkB=0,
        )
    )  # fmt: skip
