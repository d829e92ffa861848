"""Derivatives of maps and flow on the pixel grid, per px, and the norm they share."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from flowmend.geometry.warp import warp
from flowmend.types import ErrorMap, Flow


def safe_norm(x: Tensor, dim: int | tuple[int, ...], eps: float = 1e-6) -> Tensor:
    """Euclidean norm ``sqrt(sum x² + eps²)`` over ``dim``, whose gradient is finite at zero.

    Args:
        x: any tensor.
        dim: the dimensions that vanish.
        eps: the norm of zero, in the units of ``x``.
    """
    return (x.square().sum(dim) + eps**2).sqrt()


def gradient(
    a: Float[Tensor, "*batch height width"],
) -> Float[Tensor, "*batch 2 height width"]:
    """Derivatives along x and y: central differences, one-sided at the frame's border.

    Any leading dimensions, so that a flow (…, 2, H, W) gives its Jacobian (…, 2, 2, H, W) with
    the component first and the direction second.
    """
    along_y, along_x = torch.gradient(a, dim=(-2, -1))
    return torch.stack((along_x, along_y), dim=-3)


def jacobian_norm(flow: Flow) -> ErrorMap:
    """Frobenius norm of the flow's Jacobian, px per px: it draws the holes (report, 2.1.3)."""
    return safe_norm(gradient(flow), dim=(-4, -3))


def total_variation(
    a: Float[Tensor, "*batch channels height width"],
) -> Float[Tensor, "*batch height width"]:
    """Isotropic total variation at each pixel, summed over channels (report, 3.4.2).

    Forward differences, zero beyond the last column and row: a step costs its height once.
    """
    along_x = F.pad(a.diff(dim=-1), (0, 1))
    along_y = F.pad(a.diff(dim=-2), (0, 0, 0, 1))
    return safe_norm(torch.stack((along_x, along_y)), dim=0).sum(-3)


def spatio_temporal(f_t: Flow, f_next: Flow) -> ErrorMap:
    """``‖∇( f_{t+1}(x + f_t(x)) − f_t(x) )‖``: where a trajectory's acceleration varies (2.2.6).

    Args:
        f_t: forward flow of frame t, px.
        f_next: forward flow of frame t+1, px.
    """
    return jacobian_norm(warp(f_next, f_t)[0] - f_t)
