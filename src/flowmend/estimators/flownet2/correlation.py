"""FlowNet's correlation layer without a 441-fold copy (FlowNet, ICCV 2015, section 3).

``out[d](x) = ⟨first(x), second(x + d)⟩ / C`` for the 21 × 21 displacements ``d`` of −20, −18 … 20
px along each axis, rows of displacements first; zero where ``x + d`` leaves the frame.

A displacement is even, so that even columns meet even ones and odd columns odd ones: the two are
laid apart. The 21 displacements of one row are then a band around the diagonal of a matrix
product, columns of ``first`` against columns of ``second``, cut out without a copy. Columns are
taken a block at a time, which bounds both the products beside the band and their memory: at most
one row of displacements of one block is ever held besides the result. The gradient is the same
walk with the band as the given factor; it keeps the two inputs and no product.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from flowmend.estimators.flownet2.precision import outside_autocast

STEP_PX, REACH = 2, 10  # REACH steps to each side
SIDE = 2 * REACH + 1
DISPLACEMENTS = SIDE**2
# Columns of one parity at once: 52 products a column of which 21 are wanted.
_BLOCK = 32


def correlation(
    first: Float[Tensor, "batch channels height width"],
    second: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch 441 height width"]:
    """Mean over channels of the products with the second map at 441 displacements.

    Sums are taken in float32 (float64 for float64 maps), under autocast too; the result has the
    maps' dtype. Differentiable once. Channel 21 (10 + j) + 10 + i is the displacement of 2 i px to
    the right and 2 j px down.

    Raises:
        ValueError: the maps differ in shape.
    """
    if first.shape != second.shape or first.ndim != 4:
        raise ValueError(f"maps {tuple(first.shape)} and {tuple(second.shape)} do not correlate")
    return _Correlation.apply(first, second)


class _Correlation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        ctx.save_for_backward(first, second)
        batch, channels, height, width = first.shape
        out = first.new_zeros(batch, DISPLACEMENTS, height, width)
        by_row = out.unflatten(1, (SIDE, SIDE))
        near, far = _columns(first, 0).div_(channels), _columns(second, REACH)
        with outside_autocast(first.device):
            for tile in _tiles(height, near.shape[3]):
                band = _band(near[tile.near] @ far[tile.far].mT)
                for parity, place in tile.places():
                    wanted = by_row[place]
                    wanted.copy_(band[:, :, parity, : wanted.shape[-1]].permute(1, 3, 0, 2))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        first, second = ctx.saved_tensors
        near, far = _columns(first, 0), _columns(second, REACH)
        to_near, to_far = (
            torch.zeros_like(columns) if wanted else None
            for columns, wanted in zip((near, far), ctx.needs_input_grad, strict=True)
        )
        gradient = gradient.unflatten(1, (SIDE, SIDE))
        with outside_autocast(first.device):
            for tile in _tiles(first.shape[2], near.shape[3]):
                products = _products(gradient, tile, near[tile.near], far[tile.far])
                if to_near is not None:
                    to_near[tile.near] += products @ far[tile.far]
                if to_far is not None:
                    to_far[tile.far] += products.mT @ near[tile.near]
        return _maps(to_near, 0, first), _maps(to_far, REACH, second)


class _Tile(NamedTuple):
    """One row of displacements, for a block of columns of each parity."""

    near: tuple[slice, ...]  # in the columns of the first map
    far: tuple[slice, ...]  # in those of the second
    row: int  # of displacements

    def places(self) -> Iterator[tuple[int, tuple]]:
        """Each parity, and where in (B, 21, 21, H, W) its results belong."""
        rows, _, _, columns = self.near
        for parity in (0, 1):
            at = slice(2 * columns.start + parity, 2 * columns.stop, 2)
            yield parity, (slice(None), self.row, slice(None), rows, at)


def _tiles(height: int, columns: int) -> Iterator[_Tile]:
    """Those in which anything of the second map lies inside the frame."""
    everything = slice(None)
    for row in range(SIDE):
        down = STEP_PX * (row - REACH)
        top, bottom = max(0, -down), min(height, height - down)
        for left in range(0, columns if top < bottom else 0, _BLOCK):
            right = min(left + _BLOCK, columns)
            near = slice(top, bottom), everything, everything, slice(left, right)
            far = slice(top + down, bottom + down), *near[1:3], slice(left, right + 2 * REACH)
            yield _Tile(near, far, row)


def _columns(maps: Tensor, margin: int) -> Tensor:
    """Even and odd columns apart, zeros beside them: (H, B, 2, ⌈W/2⌉ + 2 margin, C).

    Rows first: those that a displacement shares with the other map are one piece of memory.
    """
    batch, channels, height, width = maps.shape
    dtype = torch.promote_types(maps.dtype, torch.float32)
    shape = height, batch, 2, (width + 1) // 2 + 2 * margin, channels
    out = torch.zeros(shape, dtype=dtype, device=maps.device)
    for parity in (0, 1):
        source = maps[..., parity::2].permute(2, 0, 3, 1)
        out[:, :, parity, margin : margin + source.shape[2]] = source
    return out


def _maps(columns: Tensor | None, margin: int, like: Tensor) -> Tensor | None:
    """Undo :func:`_columns`."""
    if columns is None:
        return None
    out = torch.empty_like(like)
    for parity in (0, 1):
        target = out[..., parity::2]
        wanted = columns[:, :, parity, margin : margin + target.shape[-1]]
        target.copy_(wanted.permute(1, 3, 0, 2))
    return out


def _band(products: Tensor) -> Tensor:
    """A view of ``products[…, x, x + d]``, d < 21: (…, columns, 21)."""
    *outer, row, column = products.stride()
    shape = *products.shape[:-1], SIDE
    return products.as_strided(shape, (*outer, row + column, column))


def _products(gradient: Tensor, tile: _Tile, near: Tensor, far: Tensor) -> Tensor:
    """What the band's gradient is to the whole matrices: zero beside the band; mean over C."""
    products = near.new_zeros(*near.shape[:-1], far.shape[-2])
    band = _band(products)
    for parity, place in tile.places():
        given = gradient[place].permute(2, 0, 3, 1)
        band[:, :, parity, : given.shape[2]] = given / near.shape[-1]
    return products
