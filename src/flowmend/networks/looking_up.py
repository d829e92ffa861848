"""Neighbours looked up where the frame's own flow points, pixel by pixel (report, 3.2.2, 3.3.3)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.networks.compiled import pixels, zero_pixels
from flowmend.networks.looking_up_loops import look_up, look_up_gradients


def looked_up(maps: Tensor, confidence: Tensor, flows: Tensor, way: int) -> tuple[Tensor, Tensor]:
    """What each frame finds in the frame before it, or in the one after it.

    As :func:`flowmend.geometry.warp.warp` has it; outside the frame the confidence is 0. All on
    the CPU and of one type, float32 or float64. Differentiable once.

    Args:
        maps: (B, T, K, H, W).
        confidence: (B, T, 1, H, W).
        flows: (B, T, 4, H, W), forward and backward, px.
        way: 0 in the frame before, by the backward flow; 1 in the frame after, by the forward.

    Returns:
        (B, T, K, H, W), a pixel's channels together in memory, and its confidence
        (B, T, 1, H, W); zeros where no such frame is.
    """
    arrived, trusted = _LookedUp.apply(maps, confidence, flows, way)
    return arrived, trusted


class _LookedUp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, confidence: Tensor, flows: Tensor, way: int
    ) -> tuple[Tensor, Tensor]:
        found = [zero_pixels(each) for each in (maps, confidence)]
        given = (pixels(each) for each in (maps, confidence, flows))
        look_up(*given, maps.shape[-1], way, *(pixels(each) for each in found))
        ctx.save_for_backward(maps, confidence, flows)
        ctx.way = way
        return found[0], found[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_arrived: Tensor, of_trusted: Tensor) -> tuple[Tensor | None, ...]:
        given = ctx.saved_tensors
        found = [zero_pixels(each) for each in given]
        arrays = (pixels(each) for each in (of_arrived, of_trusted, *given))
        look_up_gradients(*arrays, of_arrived.shape[-1], ctx.way, *(pixels(e) for e in found))
        return *found, None
