"""What a partial convolution does to a convolution's output: rescaled, and its bias ([11])."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.loops.rescaling import rescale, rescale_gradients
from flowmend.networks.pixels import empty_pixels, pixels, takes
from flowmend.networks.sources import Maps, sum_of_channels

Map = Float[Tensor, "batch 1 height width"]


def rescaled(x: Maps, scale: Map, anything: Map, bias: Float[Tensor, " channels"]) -> Maps:
    """x · scale + bias · anything. Once differentiable, but for ``anything``.

    Args:
        x: (N, C, H, W).
        scale: (N, 1, H, W).
        anything: where there is a bias at all, of 0 and 1, (N, 1, H, W).
        bias: (C,).
    """
    out: Maps = _Rescaled.apply(x, scale, anything, bias)
    return out


class _Rescaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, anything: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, scale, anything)
        if not takes(x, scale, anything, bias):
            return (x * scale).addcmul_(bias[:, None, None], anything)
        out = empty_pixels(x)
        given = (pixels(maps) for maps in (x, scale, anything))
        rescale(*given, bias.detach().numpy(), pixels(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, Tensor]:
        x, scale, anything = ctx.saved_tensors
        if not takes(gradient, x, scale, anything):
            # A dot product instead would lose two digits in float32.
            of_bias = (gradient * anything).sum(dim=(0, 2, 3))
            return gradient * scale, sum_of_channels(gradient * x).unsqueeze(1), None, of_bias
        to_x, to_scale = empty_pixels(x), empty_pixels(scale)
        to_bias = x.new_zeros(x.shape[:2])  # by image: long sums lose digits
        given = (pixels(maps) for maps in (gradient, x, scale, anything))
        rescale_gradients(*given, pixels(to_x), pixels(to_scale), to_bias.numpy())
        return to_x, to_scale, None, to_bias.sum(dim=0)
