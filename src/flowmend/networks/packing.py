"""What a frame sends to its neighbours, in one map (report, 3.3.3)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.loops.packing import pack, unpack
from flowmend.networks.feature_norm import LARGE, normalised
from flowmend.networks.pixels import empty_pixels, pixels, takes, zero_pixels
from flowmend.networks.sources import Maps, joined


def packed(features: Maps, known: Maps, flows: Maps, origins: bool, differences: bool) -> Maps:
    """Normalised features; with ``origins`` how far known; with ``differences`` the flows.

    Args:
        features: (N, C, H, W).
        known: (N, 1, H, W), before anything was filled in.
        flows: (N, 4, H, W), px.
        origins, differences: as for :class:`flowmend.networks.refinement.Refiner`.

    Returns:
        (N, K, H, W), a pixel's channels together in memory. Once differentiable, but for
        ``known``.
    """
    if takes(features, known, flows):
        sent: Tensor = _Packed.apply(features, known, flows, origins, differences)
        return sent
    held = normalised(features.unsqueeze(0)).squeeze(0)
    return joined([held, *origins * [known], *differences * [flows]])


class _Packed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, known: Tensor, flows: Tensor, origins: bool, differences: bool
    ) -> Tensor:
        held = features.shape[1]
        others = int(origins), flows.shape[1] * differences
        ctx.how = *others, held * LARGE**2
        sent = empty_pixels(features[:, :1].expand(-1, held + sum(others), -1, -1))
        scale = empty_pixels(known)
        given = (pixels(maps) for maps in (features, known, flows))
        pack(*given, *ctx.how, pixels(scale), pixels(sent))
        ctx.save_for_backward(features, flows, scale)
        return sent

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        features, flows, scale = ctx.saved_tensors
        found = [empty_pixels(features), zero_pixels(flows)]
        given = (pixels(maps) for maps in (gradient, features, scale))
        unpack(*given, *ctx.how, *(pixels(maps) for maps in found))
        return found[0], None, found[1], None, None
