"""Sums over a sliding window, for maps of a channel or two."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

Maps = Float[Tensor, "batch maps height width"]


def box_sum(x: Maps, size: int) -> Maps:
    """Sum over a size × size window around each pixel; nothing outside the frame adds to it.

    Rows, then columns. Five times as fast, both ways, as ``avg_pool2d`` where channels are few.

    Args:
        x: any maps.
        size: of the window, odd, px.
    """
    total: Maps = _BoxSum.apply(x, size // 2)
    return total


def window_mean(x: Maps, size: int) -> Maps:
    """Mean over the taps of a size × size window that lie in the frame.

    Args:
        x: any maps.
        size: of the window, odd, px.
    """
    return box_sum(x, size) / taps_of_windows(x, size)


def taps_of_windows(x: Maps, size: int) -> Float[Tensor, "height width"]:
    """How many taps of the size × size window around each pixel lie in the frame."""
    rows, columns = (taps_in_frame(length, size, x) for length in x.shape[-2:])
    return rows[:, None] * columns


def taps_in_frame(length: int, size: int, like: Tensor) -> Float[Tensor, " length"]:
    """How many taps of a window of ``size`` px lie inside, at each of ``length`` places."""
    places = torch.arange(length, device=like.device)
    first, last = (places - size // 2).clamp(min=0), (places + size // 2).clamp(max=length - 1)
    return (last - first + 1).to(like.dtype)


def _sum_along(x: Maps, reach: int, dim: int) -> Maps:
    total, length = x.clone(), x.shape[dim]
    for shift in range(1, min(reach, length - 1) + 1):
        kept = length - shift
        total.narrow(dim, shift, kept).add_(x.narrow(dim, 0, kept))
        total.narrow(dim, 0, kept).add_(x.narrow(dim, shift, kept))
    return total


class _BoxSum(torch.autograd.Function):
    """Its own adjoint: the window is as far from a pixel as the pixel from it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, reach: int) -> Tensor:
        ctx.reach = reach
        return _sum_along(_sum_along(x, reach, -2), reach, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _sum_along(_sum_along(gradient, ctx.reach, -2), ctx.reach, -1), None
