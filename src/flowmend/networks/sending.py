"""Maps on their way between neighbouring frames: both ways in one tensor, and back to all frames.

Where no compiled loop takes them (:mod:`flowmend.networks.pixels`), maps are warped and splatted
one by one. Warps and splats want each channel in one piece, convolutions want a pixel's channels
side by side. Changing from one to the other takes as long as ten multiplications of the maps, so
both happen here, together with the copy that leaves out the frame without a neighbour, and nowhere
else.
"""

from functools import reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

Maps = Float[Tensor, "batch frames maps height width"]
BothWays = Float[Tensor, "2 batch fewer_frames maps height width"]


def sent(*parts: Maps) -> BothWays:
    """Maps of all frames, one after the other, to what the neighbours send.

    Args:
        parts: (B, T, K_i, H, W) each.

    Returns:
        (2, B, T - 1, sum K_i, H, W), contiguous: of the frames before one, and of those after one.
    """
    both: BothWays = _Sent.apply(*parts)
    return both


def received(arrived: BothWays) -> tuple[Maps, Maps]:
    """Inverse of :func:`sent`: from the frame before, and from the frame after; 0 where none is.

    Channels-last in memory.
    """
    ways: tuple[Maps, Maps] = _Received.apply(arrived)
    return ways


class _Sent(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *parts: Tensor) -> Tensor:
        clips, frames, _, *size = parts[0].shape
        ctx.channels = [part.shape[2] for part in parts]
        dtype = reduce(torch.promote_types, (part.dtype for part in parts))
        both = parts[0].new_empty((2, clips, frames - 1, sum(ctx.channels), *size), dtype=dtype)
        for part, place in zip(parts, both.split(ctx.channels, dim=3)):
            place[0], place[1] = part[:, :-1], part[:, 1:]
        return both

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        # As the features lie, or all gradients before would be laid out like this one.
        whole = _channels_last(gradient[0])
        whole[:, :-1], whole[:, -1] = gradient[0], 0
        whole[:, 1:] += gradient[1]
        return whole.split(ctx.channels, dim=2)


class _Received(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, arrived: Tensor) -> tuple[Tensor, Tensor]:
        previous, following = _channels_last(arrived[0]), _channels_last(arrived[1])
        previous[:, 0], previous[:, 1:] = 0, arrived[0]
        following[:, -1], following[:, :-1] = 0, arrived[1]
        return previous, following

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, previous: Tensor, following: Tensor) -> Tensor:
        return torch.stack((previous[:, 1:], following[:, :-1]))


def _channels_last(like: Tensor) -> Tensor:
    """An empty (B, t + 1, K, H, W) for maps of t frames."""
    clips, fewer, *maps = like.shape
    shape, order = (clips * (fewer + 1), *maps), torch.channels_last
    empty = torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=order)
    return empty.unflatten(0, (clips, fewer + 1))
