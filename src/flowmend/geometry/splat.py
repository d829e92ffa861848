"""Forward splatting: every pixel deposited where its own flow takes it (beyond the report).

Backward warping (report, 3.2.1) looks a neighbour up with the hole's own, still invented flow;
splatting carries the neighbour along the neighbour's flow, which is known.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.geometry.warp import pixel_grid
from flowmend.types import Flow

# grid_sampler's codes for interpolation, padding, align_corners: bilinear, zeros outside. Without
# align_corners the positions in a frame one pixel wide are still told apart.
_BILINEAR_OR_ZERO = (0, 0, False)


def splat(
    a: Float[Tensor, "*batch channels height width"], flow: Flow
) -> Float[Tensor, "*batch channels height width"]:
    """Deposit ``a(x)`` bilinearly at ``x + flow(x)``; deposits add up, those outside are lost.

    The adjoint of a warp with zeros outside the frame: ``⟨splat(a, f), b⟩ = ⟨a, b(· + f)⟩``. Zero
    flow is the identity to float precision. Differentiable once, in both arguments; flow that is
    not finite deposits nothing. On the CPU the sums do not depend on the number of threads.

    It *is* PyTorch's gradient of grid sampling, run forward: 2.6 times faster than four
    ``index_add`` (32 ms against 81 ms, forward and backward, 40 × 24 × 32 × 32, one thread of a
    laptop-class CPU; a warp takes 25 ms). Contiguous maps are faster than channels-last ones.

    Args:
        a: any maps, in any number of channels.
        flow: displacement of each pixel's value, px.

    Returns:
        The sums, in float32, or in float64 if an argument is.

    Raises:
        ValueError: the shapes of ``a`` and ``flow`` do not belong together.
    """
    *batch, channels, height, width = a.shape
    if flow.shape != (*batch, 2, height, width):
        raise ValueError(f"maps {tuple(a.shape)} cannot be splatted along {tuple(flow.shape)}")
    dtype = torch.promote_types(torch.promote_types(a.dtype, flow.dtype), torch.float32)
    target = pixel_grid(height, width, dtype, flow.device) + flow.to(dtype)
    sides = torch.tensor((width, height), dtype=dtype, device=flow.device)
    grid = (2 * target.movedim(-3, -1) + 1) / sides - 1
    deposits = _Splat.apply(
        a.to(dtype).reshape(-1, channels, height, width), grid.reshape(-1, height, width, 2)
    )
    return deposits.reshape(a.shape)


class _Splat(torch.autograd.Function):
    """Deposit (N, C, H, W) values at (N, H, W, 2) positions of grid_sample's scale."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(values, grid)
        return _sampling_gradients(values, values, grid, (True, False))[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor | None, Tensor | None]:
        values, grid = ctx.saved_tensors
        wanted, grid_wanted = ctx.needs_input_grad
        to_values = to_grid = None
        if wanted:
            to_values = torch.ops.aten.grid_sampler_2d(weights, grid, *_BILINEAR_OR_ZERO)
        if grid_wanted:
            to_grid = _sampling_gradients(values, weights, grid, (False, True))[1]
        return to_values, to_grid


def _sampling_gradients(
    gradient: Tensor, sampled: Tensor, grid: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    """Gradients of ``⟨gradient, sampled(grid)⟩`` with respect to ``sampled`` and ``grid``."""
    return torch.ops.aten.grid_sampler_2d_backward(
        gradient, sampled, grid, *_BILINEAR_OR_ZERO, wanted
    )
