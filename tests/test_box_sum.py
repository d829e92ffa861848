"""Box sums against pooling, their gradients, and what the frame's border leaves of a window."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from flowmend.networks.box_sum import box_spread, box_sum, taps_in_frame, taps_of_windows

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))


def _drawn(sources: int, frame: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    draw = lambda *size: torch.randn(2, sources, *size, generator=random, dtype=torch.float64)  # noqa: E731
    return draw(*frame), draw()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), sizes, st.sampled_from([1, 3, 5, 9]), st.integers(0, 2**31 - 1))
def test_are_pools_times_the_window(
    sources: int, frame: tuple[int, int], size: int, seed: int
) -> None:
    maps, weights = _drawn(sources, frame, seed)
    total = (maps * weights[..., None, None]).sum(dim=1, keepdim=True)
    pool = lambda inside: functional.avg_pool2d(  # noqa: E731
        total, size, 1, size // 2, count_include_pad=not inside
    )
    found = box_sum(maps, weights, size)
    torch.testing.assert_close(found, size**2 * pool(False))
    torch.testing.assert_close(found / taps_of_windows(maps, size), pool(True))


def test_taps_at_the_ends() -> None:
    assert taps_in_frame(6, 5).tolist() == [3, 4, 5, 5, 4, 3]
    assert taps_in_frame(1, 3).tolist() == [1]


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("sources", [1, 3])
def test_gradients(sources: int, size: int) -> None:
    drawn = (each.requires_grad_() for each in _drawn(sources, (4, 3), seed=0))
    assert torch.autograd.gradcheck(lambda *given: box_sum(*given, size), tuple(drawn))


@pytest.mark.parametrize("lying", ["together", "apart"])
def test_in_half_precision_goes_map_by_map(lying: str) -> None:
    maps, weights = _drawn(3, (6, 5), seed=1)
    if lying == "apart":
        maps = maps.transpose(2, 3)
    half, of_half = maps.bfloat16(), weights.bfloat16()
    total, exact = box_sum(half, of_half, 3), (half.double(), of_half.double())
    assert total.dtype == torch.bfloat16
    torch.testing.assert_close(total.double(), box_sum(*exact, 3), rtol=0.05, atol=0.2)
    spread = zip(box_spread(total, half, of_half, 3), box_spread(total.double(), *exact, 3))
    for found, true in spread:
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found.double(), true, rtol=0.05, atol=0.5)
