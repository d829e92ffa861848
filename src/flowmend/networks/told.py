"""What the update is told: a frame's own features, and what its neighbours say (report, 3.3.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.loops.compiled import count
from flowmend.loops.told import DIFFERENCES, gradients, products
from flowmend.networks.flow_predictor import FLOW_UNIT_PX
from flowmend.networks.pixels import empty_pixels, pixels, planes, takes, zero_pixels
from flowmend.networks.sources import Maps, Source, Trust, Unwritten, weighed


def source_channels(features: int, differences: bool, origins: bool) -> tuple[int, int, int]:
    """Channels that the update gets of the frame's own and of either neighbour.

    Args:
        features: how many.
        differences, origins: as for :class:`flowmend.networks.refinement.Refiner`.
    """
    neighbour = 2 * features + origins + DIFFERENCES * differences
    return features + origins, neighbour, neighbour


@dataclass(frozen=True)
class Told(Unwritten):
    """Three sources: the frame itself, the frame before and the frame after.

    A neighbour says its features, how far they were known, and how they differ from the frame's
    own: where those are not trusted yet they are hidden from the partial convolution, which then
    could not tell by how much to correct them. Then how its flow differs from the frame's.

    Attributes:
        own, previous, following: (N, K, H, W), the frame's and what arrived: features; with
            ``origins`` how far they were known before anything was filled in; then nothing, or
            forward and backward flow, px, for differences.
        features: how many.
        origins: whether that is told.
    """

    own: Maps
    previous: Maps
    following: Maps
    features: int
    origins: bool

    def times(self, known: Trust) -> Maps:
        """All that is said times its source's confidence (N, 3, H, W)."""
        said = self.own, self.previous, self.following
        if not takes(*said, known):
            return weighed(list(self), known)
        told: Tensor = _Products.apply(*said, known, self.features, self.origins)
        return told

    def __iter__(self) -> Iterator[Source]:
        """The sources in pieces, with the channels of :func:`source_channels`."""
        yield tuple(self._split(self.own)[: 1 + self.origins])
        for direction, maps in enumerate((self.previous, self.following)):
            yield self._said(maps, direction)

    def known(self) -> Trust:
        """How far each source was known before anything was filled in, (N, 3, H, W)."""
        assert self.origins
        known: Tensor = _Channel.apply(self.features, self.own, self.previous, self.following)
        return known

    def _said(self, arrived: Maps, direction: int) -> Source:
        theirs, ours = self._split(arrived), self._split(self.own)
        pieces = [*theirs[: 1 + self.origins], theirs[0] - ours[0]]
        if theirs[2].shape[1]:
            flows, own_flows = (each[2].unflatten(1, (2, 2)) for each in (theirs, ours))
            apart = differences(flows, own_flows, direction).flatten(1, 2)
            pieces.append(apart / FLOW_UNIT_PX)
        return tuple(pieces)

    def _split(self, maps: Maps) -> tuple[Maps, ...]:
        """Features, how far known, flow."""
        first = self.features, int(self.origins)
        return maps.split([*first, maps.shape[1] - sum(first)], dim=1)


def differences(theirs: Tensor, ours: Tensor, direction: int) -> Tensor:
    """What a neighbour's flow says of ours, less ours, and its own acceleration, px.

    A point that comes from frame t−1 by its forward flow f goes back by −f, exactly, and on by f
    if it keeps its velocity; f + b is how far it did not, a frame before. For frame t+1 with the
    directions swapped.

    Args:
        theirs, ours: (N, 2 directions, 2, H, W), px; theirs as it arrived.
        direction: of the neighbour's flow that leads to us: 0 for frame t−1, 1 for frame t+1.

    Returns:
        (N, 3, 2, H, W): of the flow onward, of the flow back, and the acceleration.
    """
    onward, back = theirs[:, direction], theirs[:, 1 - direction]
    return torch.stack(
        [onward - ours[:, direction], -onward - ours[:, 1 - direction], onward + back], dim=1
    )


class _Products(torch.autograd.Function):
    """All that is said times its confidence, written once; its pieces, never."""

    @staticmethod
    def forward(
        ctx: Any,
        own: Tensor,
        previous: Tensor,
        following: Tensor,
        known: Tensor,
        features: int,
        origins: bool,
    ) -> Tensor:
        ctx.save_for_backward(own, previous, following, known)
        flow = own.shape[1] - features - origins
        ctx.how = tuple(count(each) for each in (features, int(origins), flow)), FLOW_UNIT_PX
        told = source_channels(features, flow > 0, origins)
        out = empty_pixels(own[:, :1].expand(-1, sum(told), -1, -1))
        given = (pixels(each) for each in (own, previous, following))
        products(*given, planes(known.flatten(2)), *ctx.how, pixels(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *said, known = ctx.saved_tensors
        found, to_known = [empty_pixels(each) for each in said], known.new_empty(known.shape)
        given = *(pixels(each) for each in (gradient, *said)), planes(known.flatten(2))
        filled = *(pixels(each) for each in found), planes(to_known.flatten(2))
        gradients(*given, *ctx.how, *filled)
        return *found, to_known, None, None


class _Channel(torch.autograd.Function):
    """One channel of several maps: autograd's own gradient of it would lie otherwise in memory."""

    @staticmethod
    def forward(ctx: Any, channel: int, *maps: Tensor) -> Tensor:
        ctx.channel = channel
        ctx.save_for_backward(*maps)
        return torch.stack([each[:, channel] for each in maps], dim=-1).movedim(-1, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        found = [zero_pixels(each) for each in ctx.saved_tensors]
        for k, each in enumerate(found):
            each[:, ctx.channel] = gradient[:, k]
        return None, *found
