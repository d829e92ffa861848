"""Neighbours pushed along their own flow, pixel by pixel (beyond the report)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.loops.pushing import pull, push
from flowmend.networks.pixels import pixels, zero_pixels


def pushed(
    maps: Tensor, confidence: Tensor, boost: Tensor, flows: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """What lands in each frame from the frame before it, and from the one after it.

    Where several pixels land, they are averaged with weight ``confidence · boost``; they land
    bilinearly as in :func:`flowmend.geometry.splat.splat`. All on the CPU and of one type, float32
    or float64. Differentiable once, but for the flows.

    Args:
        maps: (B, T, K, H, W).
        confidence: (B, T, 1, H, W).
        boost: (2, B, T - 1, 1, H, W), of the frames that send to the next, and to the previous.
        flows: (B, T, 4, H, W), forward and backward, px.

    Returns:
        of either, (B, T, K, H, W) means, a pixel's channels together in memory, 0 where nothing
        lands, and (B, T, 1, H, W) sums of the confidences that landed, at most 1.
    """
    before, before_trusted, after, after_trusted = _Pushed.apply(maps, confidence, boost, flows)
    return (before, before_trusted), (after, after_trusted)


class _Pushed(torch.autograd.Function):
    """Both ways at once: their gradients meet in the same maps."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, confidence: Tensor, boost: Tensor, flows: Tensor
    ) -> tuple[Tensor, ...]:
        given, boosts, aims = [pixels(maps), pixels(confidence)], pixels(boost), pixels(flows)
        sums: list[Tensor] = []
        for way in range(2):
            summed = [zero_pixels(each) for each in (maps, confidence, confidence)]
            where = boosts[way], aims, maps.shape[-1], way
            push(*given, *where, *(pixels(each) for each in summed))
            sums += summed
        ctx.save_for_backward(maps, confidence, boost, flows, *sums)
        before, _, before_landed, after, _, after_landed = sums
        return before, before_landed.clamp(max=1), after, after_landed.clamp(max=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, flows = ctx.saved_tensors[:3], pixels(ctx.saved_tensors[3])
        sums, of_arrived = ([pixels(e) for e in es] for es in (ctx.saved_tensors[4:], gradients))
        found = [zero_pixels(each) for each in given]
        *of_frames, boosts = (pixels(each) for each in given)
        *to_frames, to_boosts = (pixels(each) for each in found)
        for way in range(2):
            asked, summed = of_arrived[2 * way :][:2], sums[3 * way :][:3]
            where = boosts[way], flows, gradients[0].shape[-1], way
            pull(*asked, *of_frames, *where, *summed, *to_frames, to_boosts[way])
        return *found, None
