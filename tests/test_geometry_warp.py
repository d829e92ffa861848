"""The warp against a slow literal reference, its identities and its gradient."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.geometry.warp import pixel_grid, warp


def literal_bilinear(a: Tensor, flow: Tensor) -> Tensor:
    """Equation by equation, one pixel at a time: a (C,H,W), flow (2,H,W), float64."""
    _, height, width = a.shape
    out = torch.zeros_like(a)
    for row in range(height):
        for column in range(width):
            x = min(max(column + flow[0, row, column].item(), 0.0), width - 1.0)
            y = min(max(row + flow[1, row, column].item(), 0.0), height - 1.0)
            left, top = math.floor(x), math.floor(y)
            for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                weight = max(0.0, 1 - abs(x - c)) * max(0.0, 1 - abs(y - r))
                if weight > 0:
                    out[:, row, column] += weight * a[:, r, c]
    return out


sizes = st.tuples(st.integers(2, 9), st.integers(2, 9))
seeds = st.integers(0, 2**31 - 1)


@settings(max_examples=30, deadline=None)
@given(sizes, seeds, st.floats(0.1, 8.0))
def test_equals_the_literal_reference(size: tuple[int, int], seed: int, spread: float) -> None:
    random = torch.Generator().manual_seed(seed)
    a = torch.randn(3, *size, generator=random, dtype=torch.float64)
    flow = spread * torch.randn(2, *size, generator=random, dtype=torch.float64)
    torch.testing.assert_close(warp(a, flow)[0], literal_bilinear(a, flow), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("dtype", "position_px"), [(torch.float32, 2.0**-23), (torch.float64, 2.0**-52)]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (64, 64), (37, 53), (480, 854)])
def test_zero_flow_is_the_identity(dtype: torch.dtype, position_px: float, size: tuple) -> None:
    ramp = pixel_grid(*size, dtype=dtype)
    warped, inside = warp(ramp, torch.zeros(2, *size, dtype=dtype))
    # A ramp of slope one turns an error of position into an error of value.
    assert (warped - ramp).abs().max() <= 2 * position_px * max(size)
    assert inside.all()


@settings(max_examples=30, deadline=None)
@given(st.integers(-12, 12), st.integers(-12, 12))
def test_whole_translations_shift_and_clamp(dx: int, dy: int) -> None:
    a = torch.rand(1, 8, 10, dtype=torch.float64)
    flow = torch.tensor([dx, dy], dtype=torch.float64).view(2, 1, 1).expand(2, 8, 10)
    rows, columns = torch.arange(8) + dy, torch.arange(10) + dx
    warped, inside = warp(a, flow)
    expected = a[:, rows.clamp(0, 7)][:, :, columns.clamp(0, 9)]
    torch.testing.assert_close(warped, expected, atol=1e-12, rtol=0)
    within = ((rows >= 0) & (rows < 8))[:, None] & ((columns >= 0) & (columns < 10))
    assert torch.equal(inside, within)


def test_batches_are_warped_one_by_one() -> None:
    torch.manual_seed(0)
    a, flow = torch.randn(2, 3, 5, 6, 7), 2 * torch.randn(2, 3, 2, 6, 7)
    warped, inside = warp(a, flow)
    assert inside.shape == (2, 3, 6, 7)
    for i in range(2):
        for j in range(3):
            one, within = warp(a[i, j], flow[i, j])
            assert torch.equal(warped[i, j], one)
            assert torch.equal(inside[i, j], within)


def test_a_flow_that_is_not_a_number_is_not_inside() -> None:
    flow = torch.zeros(2, 4, 4)
    flow[0, 1, 2] = torch.nan
    inside = warp(torch.ones(1, 4, 4), flow)[1]
    assert not inside[1, 2]
    assert inside.sum() == 15


def test_gradient_is_the_interpolants_own() -> None:
    torch.manual_seed(0)
    a = torch.randn(2, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    # Positions stay off the pixel centres, where the bilinear interpolant has a kink.
    flow = torch.randint(-2, 3, (2, 2, 5, 6)) + 0.1 + 0.8 * torch.rand(2, 2, 5, 6)
    flow = flow.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, f: warp(a, f)[0], (a, flow))


@pytest.mark.parametrize("shape", [(2, 5, 4), (3, 4, 5), (1, 2, 4, 5)])
def test_shapes_that_do_not_belong_together(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be warped"):
        warp(torch.zeros(1, 4, 5), torch.zeros(shape))
