"""Sources of a convolution, each with a confidence of its own, and their products.

A source may come in pieces: all pieces of all sources are joined once, when they are multiplied.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.loops.products import weigh, weigh_gradients
from flowmend.networks.pixels import empty_pixels, pixels, takes

Maps = Float[Tensor, "batch maps height width"]
Trust = Float[Tensor, "batch sources height width"]
Present = Float[Tensor, "batch sources"]
Source = Maps | tuple[Maps, ...]
"""Features in one piece, or in several that stand one after the other."""


class Unwritten(ABC):
    """Sources of which nobody needs more than the products: they are written at once."""

    @abstractmethod
    def times(self, known: Trust) -> Maps:
        """Each source's features times its confidence, one after the other, channels-last."""

    @abstractmethod
    def __iter__(self) -> Iterator[Source]:
        """The sources, written."""


Sources = Sequence[Source] | Unwritten


def parts_of(source: Source) -> tuple[Maps, ...]:
    """The pieces of a source."""
    return source if isinstance(source, tuple) else (source,)


def joined(maps: Sequence[Maps]) -> Maps:
    """One after the other, channels-last in memory: along dim 1, channels would be pulled apart."""
    return torch.cat([each.movedim(1, -1) for each in maps], dim=-1).movedim(-1, 1)


def weighed(features: Sources, known: Trust) -> Maps:
    """Each source's features times its confidence, one after the other, channels-last."""
    if isinstance(features, Unwritten):
        return features.times(known)
    parts = [parts_of(source) for source in features]
    channels = tuple(sum(part.shape[1] for part in pieces) for pieces in parts)
    every = [part for pieces in parts for part in pieces]
    maps = joined(every) if len(every) > 1 else every[0]
    products: Tensor = _Weighed.apply(maps, known, channels)
    return products


class _Weighed(torch.autograd.Function):
    """Maps (N, C, H, W), the first C_1 of each pixel times the first of (N, S, H, W), and so on.

    Map by map, a pixel's confidences are repeated over its channels by a product with ones and
    zeros: one pass over the maps, where a multiplication by source sweeps them once for each.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, known: Tensor, channels: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(maps, known)
        ctx.channels = channels
        if not takes(maps, known):
            return (_last(maps) * _repeated(_last(known), channels)).movedim(-1, 1)
        out = empty_pixels(maps)
        weigh(pixels(maps), pixels(known), channels, pixels(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        maps, known = ctx.saved_tensors
        if not takes(gradient, maps, known):
            of_maps = _last(gradient) * _repeated(_last(known), ctx.channels)
            of_known = _last(gradient) * _last(maps) @ _places(ctx.channels, maps).mT
            return of_maps.movedim(-1, 1), of_known.movedim(-1, 1), None
        to_maps, to_known = empty_pixels(maps), empty_pixels(known)
        given = (pixels(each) for each in (gradient, maps, known))
        weigh_gradients(*given, ctx.channels, pixels(to_maps), pixels(to_known))
        return to_maps, to_known, None


def _last(maps: Tensor) -> Tensor:
    return maps.movedim(1, -1)


def _repeated(of_pixels: Tensor, channels: tuple[int, ...]) -> Tensor:
    """(N, H, W, S) to (N, H, W, C)."""
    if len(channels) == 1:
        return of_pixels
    return of_pixels @ _places(channels, of_pixels)


def _places(channels: tuple[int, ...], like: Tensor) -> Tensor:
    """1 where a channel is of a source, else 0, (S, C)."""
    return torch.block_diag(*(like.new_ones(1, count) for count in channels))


def sum_of_channels(maps: Tensor) -> Tensor:
    """(N, C, H, W) to (N, H, W): where channels lie last, twice as fast as ``sum``."""
    return maps.movedim(1, -1) @ maps.new_ones(maps.shape[1])
