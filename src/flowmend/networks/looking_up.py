"""Neighbours looked up where the frame's own flow points, pixel by pixel (report, 3.2.2, 3.3.3)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.loops.looking_up import look_up, look_up_gradients
from flowmend.networks.pixels import pixels, zero_pixels


def looked_up(
    maps: Tensor, confidence: Tensor, flows: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """What each frame finds in the frame before it, and in the one after it.

    As :func:`flowmend.geometry.warp.warp` has it; outside the frame the confidence is 0. All on
    the CPU and of one type, float32 or float64. Differentiable once.

    Args:
        maps: (B, T, K, H, W).
        confidence: (B, T, 1, H, W).
        flows: (B, T, 4, H, W), forward and backward, px.

    Returns:
        of either, (B, T, K, H, W), a pixel's channels together in memory, and its confidence
        (B, T, 1, H, W); zeros where no such frame is.
    """
    before, before_trusted, after, after_trusted = _LookedUp.apply(maps, confidence, flows)
    return (before, before_trusted), (after, after_trusted)


class _LookedUp(torch.autograd.Function):
    """Both ways at once: their gradients meet in the same maps."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, confidence: Tensor, flows: Tensor) -> tuple[Tensor, ...]:
        found = [zero_pixels(each) for each in (maps, confidence) * 2]
        given, filled = ([pixels(e) for e in es] for es in ((maps, confidence, flows), found))
        for way in range(2):
            look_up(*given, maps.shape[-1], way, *filled[2 * way :][:2])
        ctx.save_for_backward(maps, confidence, flows)
        return tuple(found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        found = [zero_pixels(each) for each in ctx.saved_tensors]
        asked, given, added = (
            [pixels(each) for each in tensors] for tensors in (gradients, ctx.saved_tensors, found)
        )
        for way in range(2):
            of_way, width = asked[2 * way :][:2], gradients[0].shape[-1]
            look_up_gradients(*of_way, *given, width, way, *added)
        return tuple(found)
