"""Feature normalisation: what the update sees of the features (report, 3.3.3)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

LARGE = 4.0  # features of a flow of about 20 px; their unit is that of a typical flow


def normalised(
    features: Float[Tensor, "batch frames channels height width"],
) -> Float[Tensor, "batch frames channels height width"]:
    """``F / sqrt(1 + mean over channels of F² / LARGE²)``: what the update sees of the features.

    Ordinary features pass unchanged, with their gradient; large ones are held below ``LARGE`` in
    their root mean square, so that the same network, iterated over and over, neither lets them
    vanish nor explode: each step adds no more than the one before could (report, 3.3.3).
    """
    held: Tensor = _Normalised.apply(features)
    return held


class _Normalised(torch.autograd.Function):
    """The gradient by hand: maps as large as the features are read and written half as often."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.unit = features.shape[2] * LARGE**2
        scale = features.square().sum(2, keepdim=True).div_(ctx.unit).add_(1).rsqrt_()
        ctx.save_for_backward(features, scale)
        return features * scale

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        features, scale = ctx.saved_tensors
        of_scale = (gradient * features).sum(2, keepdim=True)
        shrinks = of_scale.mul_(scale.pow(3)).div_(ctx.unit)
        return (gradient * scale).addcmul_(features, shrinks, value=-1)
