"""A network's parts, and what each of them costs."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations
from torch.utils.flop_counter import FlopCounterMode

from flowmend.networks.blocks import ResidualBlock
from flowmend.networks.gated_conv import GatedConv
from flowmend.networks.partial_conv import PartialConv

_WHOLE = (ResidualBlock, PartialConv, GatedConv)  # one part each, however many layers they have

# Convolutions and fully connected layers: other products only repeat or sum up (networks.sources).
_LEARNED = (torch.ops.aten.convolution, torch.ops.aten.addmm)


class Part(NamedTuple):
    """A layer or a block of layers.

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
        module.register_forward_hook(lambda m, _, out: shapes.update({m: _shape(out)}))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(*(x.to("meta") for x in inputs))
    flops = counter.get_flop_counts()
    root = type(network).__name__
    layers = [
        Part(
            name=name,
            kind=type_before_parametrizations(module).__name__,
            shape=shapes[module],
            parameters=_size(module),
            multiply_adds=sum(flops.get(f"{root}.{name}", {}).get(of, 0) for of in _LEARNED) // 2,
        )
        for name, module in modules.items()
    ]
    return layers + _single_numbers(network, modules.values())


def _parts(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    children = list(module.named_children())
    if not children or isinstance(module, _WHOLE) or is_parametrized(module):
        yield name, module
        return
    for child, inner in children:
        yield from _parts(inner, f"{name}.{child}" if name else child)


def _single_numbers(network: nn.Module, layers: Iterable[nn.Module]) -> list[Part]:
    """Parameters that stand in no layer."""
    inside = {id(parameter) for layer in layers for parameter in layer.parameters()}
    return [
        Part(name, "Parameter", tuple(parameter.shape), parameter.numel(), 0)
        for name, parameter in network.named_parameters()
        if id(parameter) not in inside
    ]


def _shape(made: Tensor | tuple[Tensor, ...]) -> tuple[int, ...]:
    """Of a layer's output without the batch: its first, where there are several."""
    return tuple((made if isinstance(made, Tensor) else made[0]).shape[1:])


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
