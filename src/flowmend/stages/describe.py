"""``flowmend describe``: an experiment's networks, part by part."""

import copy
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations
from torch.utils.flop_counter import FlopCounterMode

from flowmend.networks.blocks import ResidualBlock
from flowmend.params import (
    BackwardFlowExperiment,
    EdgesExperiment,
    Experiment,
    FlowExperiment,
    MovePatternExperiment,
    Params,
)
from flowmend.stages.build import build_network
from flowmend.stages.problems import build_opponent

TRUNK = "trunk."  # what every wrapper calls its network: a reader can do without


class Part(NamedTuple):
    """A layer or a residual block.

    Attributes:
        name: its path in the network.
        kind: its class.
        shape: of its output for one sample, (C, H, W) or (C,).
        parameters: how many numbers are learned.
        multiply_adds: of one pass forward: convolutions and fully connected layers, no biases.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def describe(experiment: str, scale: str | None, params: Params) -> None:
    """Print the parts of an experiment's network and, where there is one, its discriminator.

    Args:
        experiment: a key of ``experiments``.
        scale: a key of ``scales``, which sets width and working frame; None for the default.
        params: the whole of ``params.yaml``.

    Raises:
        InputError: there is no such experiment or scale.
    """
    scale = scale or params.scale
    block, settings = params.experiment(experiment), params.at(scale)
    size = settings.data.frames, settings.data.height_px, settings.data.width_px
    console = Console(highlight=False)
    for role, network, inputs in networks(block, settings.train.width, size):
        title = f"{experiment}: {role}, {_kind(network)}"
        console.print(table(title, parts(network, inputs)))
    console.print(
        f"Scale {scale}, width {settings.train.width}; {_input(block, size)}. Multiply-adds of "
        "convolutions and fully connected layers, one pass forward."
    )


def networks(
    block: Experiment, width: int, size: tuple[int, int, int]
) -> Iterator[tuple[str, nn.Module, list[Tensor]]]:
    """Role, network and a batch of one for each network that an experiment trains.

    Args:
        block: of the experiment.
        width: of its networks.
        size: (T, H, W) of a clip. The batch has shapes and types, but no numbers.
    """
    frames, *frame = size
    opponent = build_opponent(block, frames, width, seed=0)
    role = "generator" if opponent else "network"
    yield role, build_network(block, frames, width, seed=0), _batch(block, size)
    if opponent:
        first = next(m for m in opponent.network.modules() if isinstance(m, nn.Conv2d))
        role = "critic" if opponent.adversary.is_critic else "discriminator"
        yield role, opponent.network, [_maps(first.in_channels, *frame)]


def parts(network: nn.Module, inputs: Sequence[Tensor]) -> list[Part]:
    """Every layer with parameters, in the order of the network's definition.

    Args:
        network: left as it is.
        inputs: of one pass, with or without numbers.
    """
    network = copy.deepcopy(network).to("meta")  # shapes alone: any scale takes no time
    modules = {name: module for name, module in _parts(network, "") if _size(module)}
    shapes: dict[nn.Module, tuple[int, ...]] = {}
    for module in modules.values():
        module.register_forward_hook(lambda m, _, out: shapes.update({m: tuple(out.shape[1:])}))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(*(x.to("meta") for x in inputs))
    flops = counter.get_flop_counts()
    root = type(network).__name__
    return [
        Part(
            name=name,
            kind=type_before_parametrizations(module).__name__,
            shape=shapes[module],
            parameters=_size(module),
            multiply_adds=sum(flops.get(f"{root}.{name}", {}).values()) // 2,
        )
        for name, module in modules.items()
    ]


def table(title: str, rows: Sequence[Part]) -> Table:
    """What ``flowmend describe`` prints of one network."""
    layout = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True
    )
    layout.add_column("part", "total", overflow="fold")
    layout.add_column("type")
    layout.add_column("output\nC×H×W", justify="right", no_wrap=True)
    parameters, multiply_adds = (sum(getattr(r, of) for r in rows) for of in Part._fields[3:])
    layout.add_column("\nparameters", f"{parameters:,}", justify="right", no_wrap=True)
    layout.add_column("multiply-\nadds", f"{multiply_adds:,}", justify="right", no_wrap=True)
    for name, kind, shape, *counts in rows:
        output = "×".join(map(str, shape))
        layout.add_row(name.removeprefix(TRUNK), kind, output, *(f"{count:,}" for count in counts))
    return layout


def _parts(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    children = list(module.named_children())
    if not children or isinstance(module, ResidualBlock) or is_parametrized(module):
        yield name, module
        return
    for child, inner in children:
        yield from _parts(inner, f"{name}.{child}" if name else child)


def _kind(network: nn.Module) -> str:
    """``FlowPredictor(UNet)``; a network that wraps none is its own."""
    trunk = getattr(network, "trunk", None)
    name = type(network).__name__
    return f"{name}({type(trunk).__name__})" if trunk else name


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _batch(block: Experiment, size: tuple[int, int, int]) -> list[Tensor]:
    """What the experiment's network takes."""
    frames, *frame = size
    match block:
        case FlowExperiment():
            flows = torch.empty(1, frames, 2, 2, *frame, device="meta")
            maps = _maps(frames, *frame)
            return [flows, maps.bool(), *([maps] if block.edges else [])]
        case BackwardFlowExperiment():
            return [_maps(2, *frame)]
        case EdgesExperiment():
            return [_maps(1, *frame)] * 3
        case MovePatternExperiment():
            return [_maps(1, *frame), _maps(2, *frame)]


def _input(block: Experiment, size: tuple[int, int, int]) -> str:
    frames, height, width = size
    what = f"a clip of {frames} frames" if isinstance(block, FlowExperiment) else "a single frame"
    return f"the input is {what}, {height}×{width} px"


def _maps(channels: int, height: int, width: int) -> Tensor:
    return torch.empty(1, channels, height, width, device="meta")
