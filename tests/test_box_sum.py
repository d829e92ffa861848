"""Box sums against pooling, their gradient, and what the frame's border leaves of a window."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from flowmend.networks.box_sum import box_sum, taps_in_frame, window_mean

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))


@settings(max_examples=40, deadline=None)
@given(sizes, st.sampled_from([1, 3, 5, 9]), st.integers(0, 2**31 - 1))
def test_are_pools_times_the_window(frame: tuple[int, int], size: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 3, *frame, generator=random, dtype=torch.float64)
    pool = lambda inside: functional.avg_pool2d(x, size, 1, size // 2, count_include_pad=not inside)  # noqa: E731
    torch.testing.assert_close(box_sum(x, size), size**2 * pool(False))
    torch.testing.assert_close(window_mean(x, size), pool(True))


def test_taps_at_the_ends() -> None:
    like = torch.zeros(1)
    assert taps_in_frame(6, 5, like).tolist() == [3, 4, 5, 5, 4, 3]
    assert taps_in_frame(1, 3, like).tolist() == [1]


@pytest.mark.parametrize("size", [3, 5])
def test_gradient(size: int) -> None:
    x = torch.randn(2, 1, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: box_sum(x, size), x)
