"""``flowmend describe``: an experiment's networks, part by part."""

from collections.abc import Iterator, Sequence

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from flowmend.networks.refinement import Refiner, State
from flowmend.params import (
    BackwardFlowExperiment,
    EdgesExperiment,
    Experiment,
    FlowExperiment,
    IterativeExperiment,
    MovePatternExperiment,
    Params,
    Scale,
)
from flowmend.stages.build import build_network
from flowmend.stages.network_parts import Part, parts
from flowmend.stages.problems import build_opponent

TRUNK = "trunk."  # what every wrapper calls its network: a reader can do without


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
    width = _width(block, settings)
    console = Console(highlight=False)
    for role, network, inputs in networks(block, width, size):
        title = f"{experiment}: {role}, {_kind(network)}"
        rows = parts(network, inputs)
        console.print(table(title, rows))
        if isinstance(network, OneStep):
            console.print(cost(rows, settings.train.refinement.refinement_steps) + "\n")
    console.print(
        f"Scale {scale}, width {width}; {_input(block, size)}. Multiply-adds of "
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
    network = build_network(block, frames, width, seed=0)
    yield role, OneStep(network) if isinstance(network, Refiner) else network, _batch(block, size)
    if opponent:
        first = next(m for m in opponent.network.modules() if isinstance(m, nn.Conv2d))
        role = "critic" if opponent.adversary.is_critic else "discriminator"
        yield role, opponent.network, [_maps(first.in_channels, *frame)]


class OneStep(nn.Module):
    """What refines, with each of its networks at work once: encoder, update, decoder."""

    def __init__(self, refiner: Refiner) -> None:
        super().__init__()
        self.trunk = refiner

    def forward(self, filled: Tensor, hole: Tensor) -> State:
        """The state after one refinement step of a clip."""
        features = self.trunk.encoder(filled.flatten(2, 3).flatten(0, 1))
        state = State(features.unflatten(0, hole.shape[:2]), (~hole).to(filled), filled)
        return self.trunk.step(state, hole)


def cost(rows: Sequence[Part], steps: int) -> str:
    """The multiply-adds of a start, of a refinement step, and of a start and all steps.

    Args:
        rows: of :class:`OneStep`.
        steps: how many.
    """
    of = {
        name: sum(r.multiply_adds for r in rows if r.name.startswith(f"{TRUNK}{name}."))
        for name in ("encoder", "update", "decoder")
    }
    start, step = of["encoder"] + of["decoder"], of["update"] + of["decoder"]
    return (
        f"One refinement step (update, decoder): {step:,} multiply-adds on whole frames; the start "
        f"(encoder, decoder): {start:,}; with {steps} steps: {start + steps * step:,}. The "
        "inpainter refines a window around the hole alone, and costs less by its share."
    )


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


def _width(block: Experiment, settings: Scale) -> int:
    train = settings.train
    return train.refinement.width if isinstance(block, IterativeExperiment) else train.width


def _kind(network: nn.Module) -> str:
    """``FlowPredictor(UNet)``; a network that wraps none is its own."""
    if isinstance(network, OneStep):
        return f"{_kind(network.trunk)}({type(network.trunk.update).__name__})"
    trunk = getattr(network, "trunk", None)
    name = type(network).__name__
    return f"{name}({type(trunk).__name__})" if trunk else name


def _batch(block: Experiment, size: tuple[int, int, int]) -> list[Tensor]:
    """What the experiment's network takes."""
    frames, *frame = size
    match block:
        case FlowExperiment():
            flows = torch.empty(1, frames, 2, 2, *frame, device="meta")
            maps = _maps(frames, *frame)
            return [flows, maps.bool(), *([maps] if block.edges else [])]
        case IterativeExperiment():
            flows = torch.empty(1, frames, 2, 2, *frame, device="meta")
            return [flows, _maps(frames, *frame).bool()]
        case BackwardFlowExperiment():
            return [_maps(2, *frame)]
        case EdgesExperiment():
            return [_maps(1, *frame)] * 3
        case MovePatternExperiment():
            return [_maps(1, *frame), _maps(2, *frame)]


def _input(block: Experiment, size: tuple[int, int, int]) -> str:
    frames, height, width = size
    whole = isinstance(block, FlowExperiment | IterativeExperiment)
    what = f"a clip of {frames} frames" if whole else "a single frame"
    return f"the input is {what}, {height}×{width} px"


def _maps(channels: int, height: int, width: int) -> Tensor:
    return torch.empty(1, channels, height, width, device="meta")
