"""Neighbours pushed along their own flow, pixel by pixel (beyond the report)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.networks.compiled import pixels, zero_pixels
from flowmend.networks.pushing_loops import pull, push


def pushed(
    maps: Tensor, confidence: Tensor, boost: Tensor, flows: Tensor, way: int
) -> tuple[Tensor, Tensor]:
    """What lands in each frame from the frame before it, or from the one after it.

    Where several pixels land, they are averaged with weight ``confidence · boost``; they land
    bilinearly as in :func:`flowmend.geometry.splat.splat`. All on the CPU and of one type, float32
    or float64. Differentiable once, but for the flows.

    Args:
        maps: (B, T, K, H, W).
        confidence: (B, T, 1, H, W).
        boost: (B, T - 1, 1, H, W), of the frames that send.
        flows: (B, T, 4, H, W), forward and backward, px.
        way: 0 from each frame to the next, 1 to the previous one.

    Returns:
        (B, T, K, H, W) means, a pixel's channels together in memory, 0 where nothing lands, and
        (B, T, 1, H, W) sums of the confidences that landed.
    """
    arrived, landed = _Pushed.apply(maps, confidence, boost, flows, way)
    return arrived, landed


class _Pushed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, confidence: Tensor, boost: Tensor, flows: Tensor, way: int
    ) -> tuple[Tensor, Tensor]:
        arrived, weights, landed = (zero_pixels(each) for each in (maps, confidence, confidence))
        given = (pixels(each) for each in (maps, confidence, boost, flows))
        push(*given, maps.shape[-1], way, *(pixels(each) for each in (arrived, weights, landed)))
        ctx.save_for_backward(maps, confidence, boost, flows, arrived, weights)
        ctx.way = way
        return arrived, landed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_arrived: Tensor, of_landed: Tensor) -> tuple[Tensor | None, ...]:
        *given, arrived, weights = ctx.saved_tensors
        found = [zero_pixels(each) for each in given[:3]]
        gradients, others = (
            [pixels(each) for each in tensors]
            for tensors in ((of_arrived, of_landed), (arrived, weights, *found))
        )
        width = arrived.shape[-1]
        pull(*gradients, ctx.way, *(pixels(each) for each in given), width, *others)
        return *found, None, None
