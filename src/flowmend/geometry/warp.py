"""Backward warping, ``warp(a, f)(x) = a(x + f(x))``: one convention for the whole project.

Pixel centres lie on integers, positions outside the frame are clamped to its border, and a
validity map says which samples fell inside (report, 2.2.2).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from flowmend.types import Flow


def pixel_grid(
    height: int,
    width: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Float[Tensor, "2 height width"]:
    """Positions of the pixel centres, px: channel 0 is x (columns), channel 1 is y (rows)."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=dtype, device=device),
        torch.arange(width, dtype=dtype, device=device),
        indexing="ij",
    )
    return torch.stack((x, y))


def warp(
    a: Float[Tensor, "*batch channels height width"], flow: Flow
) -> tuple[Float[Tensor, "*batch channels height width"], Bool[Tensor, "*batch height width"]]:
    """Look ``a`` up where the flow points: bilinear, clamped to the border.

    Zero flow is the identity to float precision (positions are good to one part in 10⁷ of the
    frame's side in float32), and the gradient is that of the bilinear interpolant with respect to
    both arguments.

    Args:
        a: any maps, in any number of channels.
        flow: displacement of the look-up, px.

    Returns:
        The warped maps, and True where ``x + flow(x)`` lies inside the frame.

    Raises:
        ValueError: the shapes of ``a`` and ``flow`` do not belong together.
    """
    *batch, channels, height, width = a.shape
    if flow.shape != (*batch, 2, height, width):
        raise ValueError(f"maps {tuple(a.shape)} cannot be warped by flow {tuple(flow.shape)}")
    target = pixel_grid(height, width, flow.dtype, flow.device) + flow
    x, y = target.unbind(-3)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    # align_corners=True maps -1 and 1 to the first and last pixel centre: the span is W - 1.
    spans = torch.tensor((max(width - 1, 1), max(height - 1, 1)), dtype=x.dtype, device=x.device)
    normalised = (2 * target.movedim(-3, -1) - spans) / spans
    warped = F.grid_sample(
        a.reshape(-1, channels, height, width),
        normalised.reshape(-1, height, width, 2),
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )
    return warped.reshape(a.shape), inside
