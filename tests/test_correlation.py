"""FlowNet's correlation layer against loops in float64, its gradient, and a shift it must find."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from flowmend.estimators.flownet2 import correlation as module
from flowmend.estimators.flownet2.correlation import DISPLACEMENTS, correlation


def _maps(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, *shape, generator=random, dtype=torch.float64)
    return first, second


def _literal(first: Tensor, second: Tensor) -> Tensor:
    """mean over c of first[c, y, x] second[c, y + dy, x + dx], pixel by pixel."""
    batch, _, height, width = first.shape
    out = torch.zeros(batch, 441, height, width, dtype=torch.float64)
    for row, dy in enumerate(range(-20, 21, 2)):
        for column, dx in enumerate(range(-20, 21, 2)):
            for y in range(max(0, -dy), min(height, height - dy)):
                for x in range(max(0, -dx), min(width, width - dx)):
                    product = first[:, :, y, x] * second[:, :, y + dy, x + dx]
                    out[:, 21 * row + column, y, x] = product.mean(1)
    return out


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 2), st.integers(1, 3))
def test_equals_the_literal_reference(height: int, width: int, batch: int, channels: int) -> None:
    first, second = _maps(batch, channels, height, width, seed=10 * height + width)
    expected = _literal(first, second)
    torch.testing.assert_close(correlation(first, second), expected, atol=1e-14, rtol=1e-13)


@pytest.mark.parametrize("block", [1, 4, 7])
def test_blocks_of_columns_join(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    first, second = _maps(1, 2, 3, 27)
    monkeypatch.setattr(module, "_BLOCK", block)
    torch.testing.assert_close(correlation(first, second), _literal(first, second))


def test_beyond_one_block() -> None:
    first, second = _maps(1, 2, 2, 2 * module._BLOCK + 9)
    torch.testing.assert_close(correlation(first, second), _literal(first, second))


@pytest.mark.parametrize("block", [2, 32])
@pytest.mark.parametrize("size", [(3, 5), (4, 4), (1, 7)])
def test_gradient(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], block: int) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    first, second = (a.requires_grad_() for a in _maps(2, 2, *size))
    assert torch.autograd.gradcheck(correlation, (first, second), fast_mode=True)


@pytest.mark.parametrize("which", [0, 1])
def test_gradient_of_one_argument_alone(which: int) -> None:
    both = _maps(1, 2, 4, 5)
    push = _maps(1, DISPLACEMENTS, 4, 5)[0]
    together = [a.clone().requires_grad_() for a in both]
    expected = torch.autograd.grad(correlation(*together), together, push)[which]
    alone = [a.clone().requires_grad_(i == which) for i, a in enumerate(both)]
    (found,) = torch.autograd.grad(correlation(*alone), alone[which], push)
    torch.testing.assert_close(found, expected, atol=0, rtol=0)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (6, -4), (-20, 20), (2, 18)])
def test_finds_a_known_shift(dx: int, dy: int) -> None:
    """Of what moved by (dx, dy), the best match lies there, wherever it still is in the frame."""
    first, _ = _maps(1, 64, 26, 30)
    first = first / first.norm(dim=1, keepdim=True)
    best = correlation(first, first.roll((dy, dx), (2, 3))).argmax(1)[0]
    inside = (slice(max(0, -dy), 26 - max(0, dy)), slice(max(0, -dx), 30 - max(0, dx)))
    wanted = 21 * ((dy + 20) // 2) + (dx + 20) // 2
    assert best[inside].numel() > 0
    assert (best[inside] == wanted).all()


def test_opposite_direction_is_the_mirror() -> None:
    """``corr(b, a)[−d](x + d) = corr(a, b)[d](x)``: nothing else was mixed in."""
    first, second = _maps(2, 3, 6, 10)
    forward, backward = correlation(first, second), correlation(second, first)
    dx, dy = 4, -2
    channel = 21 * ((dy + 20) // 2) + (dx + 20) // 2
    there = forward[:, channel, -dy:, :-dx]
    back = backward[:, DISPLACEMENTS - 1 - channel, :dy, dx:]
    torch.testing.assert_close(there, back)
    assert there.abs().min() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_of_half_precision_are_taken_in_float32(dtype: torch.dtype) -> None:
    first, second = (a.to(dtype) for a in _maps(1, 500, 3, 12))
    found = correlation(first, second)
    assert found.dtype == dtype
    exact = correlation(first.double(), second.double())
    # Rounded once at the end: half of the last place, and what float32 sums of 500 are off.
    last_place = torch.finfo(dtype).eps * exact.abs()
    assert ((found.double() - exact).abs() <= 0.51 * last_place + 1e-6).all()


def test_autocast_does_not_reach_its_sums() -> None:
    first, second = (a.float().requires_grad_() for a in _maps(1, 64, 4, 10))
    expected = correlation(first, second)
    gradients = torch.autograd.grad(expected.square().sum(), (first, second))
    with torch.autocast("cpu", torch.bfloat16):
        found = correlation(first, second)
        within = torch.autograd.grad(found.square().sum(), (first, second))
    torch.testing.assert_close(found, expected, atol=0, rtol=0)
    torch.testing.assert_close(within, gradients, atol=0, rtol=0)


def test_keeps_its_inputs_and_no_products() -> None:
    first, second = (a.float().requires_grad_() for a in _maps(1, 16, 12, 40))
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda a: kept.append(a) or a, lambda a: a):
        out = correlation(first, second)
    assert out.requires_grad
    assert {a.data_ptr() for a in kept} == {first.data_ptr(), second.data_ptr()}


@pytest.mark.parametrize("backward", [False, True])
def test_memory_is_a_few_times_that_of_its_arguments(backward: bool) -> None:
    """The plain version would hold 441 times the second map, 175 MiB here."""
    first, second = (a.float().requires_grad_(backward) for a in _maps(1, 64, 40, 40))
    push = torch.zeros(1, DISPLACEMENTS, 40, 40)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        out = correlation(first, second)
        if backward:
            torch.autograd.grad(out, (first, second), push)
    events = profiled.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    arguments = 4 * (2 * math.prod(first.shape) + math.prod(push.shape))
    assert 4 * math.prod(push.shape) <= most <= 3 * arguments


@pytest.mark.parametrize("shape", [(1, 2, 4, 6), (1, 3, 4, 5)])
def test_refuses_maps_that_differ(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not correlate"):
        correlation(torch.zeros(1, 2, 4, 5), torch.zeros(shape))
