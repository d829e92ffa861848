"""Splatting against a slow literal reference, its identities and its gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.geometry.splat import splat
from flowmend.geometry.warp import warp

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
seeds = st.integers(0, 2**31 - 1)


def literal_splat(a: Tensor, flow: Tensor) -> Tensor:
    """One pixel and one corner at a time: a (C,H,W), flow (2,H,W), float64."""
    _, height, width = a.shape
    out = torch.zeros_like(a)
    for row in range(height):
        for column in range(width):
            x = column + flow[0, row, column].item()
            y = row + flow[1, row, column].item()
            for r in (math.floor(y), math.floor(y) + 1):
                for c in (math.floor(x), math.floor(x) + 1):
                    if 0 <= r < height and 0 <= c < width:
                        out[:, r, c] += a[:, row, column] * (1 - abs(x - c)) * (1 - abs(y - r))
    return out


def random_maps(size: tuple[int, int], seed: int, spread: float) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 3, *size, generator=random, dtype=torch.float64)
    return a, b, spread * torch.randn(2, *size, generator=random, dtype=torch.float64)


@settings(max_examples=30, deadline=None)
@given(sizes, seeds, st.floats(0.1, 8.0))
def test_equals_the_literal_reference(size: tuple[int, int], seed: int, spread: float) -> None:
    a, _, flow = random_maps(size, seed, spread)
    torch.testing.assert_close(splat(a, flow), literal_splat(a, flow), atol=1e-12, rtol=0)


@settings(max_examples=30, deadline=None)
@given(sizes, seeds, st.floats(0.1, 8.0))
def test_is_the_adjoint_of_the_warp(size: tuple[int, int], seed: int, spread: float) -> None:
    a, b, flow = random_maps(size, seed, spread)
    # A rim of zeros, wider than the flow is long, turns the warp's clamped border into zeros.
    rim = math.ceil(flow.abs().max().item()) + 1
    wide_b, wide_flow = (torch.nn.functional.pad(m, [rim] * 4) for m in (b, flow))
    warped = warp(wide_b, wide_flow)[0][:, rim : rim + size[0], rim : rim + size[1]]
    torch.testing.assert_close((splat(a, flow) * b).sum(), (a * warped).sum())


@pytest.mark.parametrize(
    ("dtype", "position_px"), [(torch.float32, 2.0**-23), (torch.float64, 2.0**-52)]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (64, 64), (37, 53), (480, 854)])
def test_zero_flow_is_the_identity(dtype: torch.dtype, position_px: float, size: tuple) -> None:
    a = torch.rand(1, *size, dtype=dtype)
    error = (splat(a, torch.zeros(2, *size, dtype=dtype)) - a).abs().max()
    # An error of position moves a share of up to four neighbours' values, each at most one.
    assert error <= 8 * position_px * max(size)


@settings(max_examples=30, deadline=None)
@given(st.integers(-12, 12), st.integers(-12, 12))
def test_whole_translations_move_and_lose_what_leaves(dx: int, dy: int) -> None:
    a = torch.rand(2, 8, 10, dtype=torch.float64)
    flow = torch.tensor([dx, dy], dtype=torch.float64).view(2, 1, 1).expand(2, 8, 10)
    wide = torch.zeros(2, 8 + 24, 10 + 24, dtype=torch.float64)
    wide[:, 12 + dy : 20 + dy, 12 + dx : 22 + dx] = a
    torch.testing.assert_close(splat(a, flow), wide[:, 12:20, 12:22], atol=1e-12, rtol=0)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_nothing_is_lost_inside_the_frame(seed: int) -> None:
    a, _, flow = random_maps((12, 13), seed, 1.0)
    a[:, :2], a[:, -2:], a[:, :, :2], a[:, :, -2:] = 0, 0, 0, 0
    total = splat(a, flow.clamp(-2, 2)).sum(dim=(-2, -1))
    torch.testing.assert_close(total, a.sum(dim=(-2, -1)))


def test_one_pixel_splits_among_four() -> None:
    a, flow = torch.zeros(1, 4, 5), torch.zeros(2, 4, 5)
    a[0, 1, 1], flow[0, 1, 1], flow[1, 1, 1] = 8.0, 1.25, -0.5  # lands at x 2.25, y 0.5
    expected = torch.zeros(1, 4, 5)
    expected[0, :2, 2], expected[0, :2, 3] = 3.0, 1.0
    torch.testing.assert_close(splat(a, flow), expected, atol=1e-5, rtol=0)


def test_gradients_are_those_of_the_bilinear_weights() -> None:
    torch.manual_seed(0)
    a = torch.randn(2, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    # Targets stay off the pixel centres, where the bilinear weights have a kink.
    flow = torch.randint(-2, 3, (2, 2, 5, 6)) + 0.1 + 0.8 * torch.rand(2, 2, 5, 6)
    flow = flow.double().requires_grad_()
    assert torch.autograd.gradcheck(splat, (a, flow))
    assert torch.autograd.gradcheck(lambda m: splat(m, flow.detach()), (a,))
    assert torch.autograd.gradcheck(lambda f: splat(a.detach(), f), (flow,))


@pytest.mark.parametrize("batch", [(), (2,), (2, 3), (0,)])
def test_any_leading_dimensions(batch: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    a, flow = torch.randn(*batch, 5, 6, 7), 2 * torch.randn(*batch, 2, 6, 7)
    out = splat(a, flow)
    assert out.shape == a.shape
    for one, its_a, its_flow in zip(
        out.reshape(-1, 5, 6, 7), a.reshape(-1, 5, 6, 7), flow.reshape(-1, 2, 6, 7), strict=True
    ):
        assert torch.equal(one, splat(its_a, its_flow))


def test_memory_layout_does_not_matter() -> None:
    torch.manual_seed(0)
    a, flow = torch.randn(2, 5, 6, 7), 2 * torch.randn(2, 2, 6, 7)
    last = a.contiguous(memory_format=torch.channels_last)
    assert torch.equal(
        splat(last, flow.transpose(0, 1).contiguous().transpose(0, 1)), splat(a, flow)
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    a, flow = torch.randn(3, 6, 7).to(dtype), torch.randn(2, 6, 7).to(dtype)
    a.requires_grad_()
    out = splat(a, flow)
    assert torch.equal(out, splat(a.float(), flow.float()))
    out.sum().backward()
    assert a.grad is not None
    assert a.grad.dtype == dtype


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf, 1e30, -1e30])
def test_flow_that_is_not_finite_deposits_nothing(lost: float) -> None:
    flow = torch.zeros(2, 4, 5)
    flow[:, 1, 2] = lost
    expected = torch.ones(1, 4, 5)
    expected[0, 1, 2] = 0
    torch.testing.assert_close(splat(torch.ones(1, 4, 5), flow), expected, atol=1e-5, rtol=0)


def test_twice_the_same() -> None:
    torch.manual_seed(0)
    a, flow = torch.randn(4, 3, 32, 32), 9 * torch.randn(4, 2, 32, 32)
    assert torch.equal(splat(a, flow), splat(a, flow))


@pytest.mark.parametrize("shape", [(2, 5, 4), (3, 4, 5), (1, 2, 4, 5)])
def test_shapes_that_do_not_belong_together(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be splatted"):
        splat(torch.zeros(1, 4, 5), torch.zeros(shape))
