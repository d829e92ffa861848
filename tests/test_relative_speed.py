"""Speed against the rest of the frame, by numpy's selection and by torch's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.geometry.relative_speed import relative_speed


def _flow(height: int, width: int) -> Tensor:
    random = torch.Generator().manual_seed(height)
    return 9 * torch.randn(2, 3, 2, height, width, generator=random, dtype=torch.float64)


def _literal(flow: Tensor, fastest: float) -> Tensor:
    """Pixel by pixel; of an even number of values, the median is the lower one of the two."""
    out = torch.empty(*flow.shape[:2], 1, *flow.shape[3:], dtype=flow.dtype)
    for of_frame, frame in zip(out.flatten(0, 1), flow.flatten(0, 1)):
        x, y = (sorted(axis.flatten().tolist())[(axis.numel() - 1) // 2] for axis in frame)
        speed = ((frame[0] - x) ** 2 + (frame[1] - y) ** 2) ** 0.5
        of_frame[0] = speed.clamp(max=fastest)
    return out


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 5), width=st.integers(1, 5), fastest=st.sampled_from([4.0, 1e3]))
def test_as_written_down(height: int, width: int, fastest: float) -> None:
    flow = _flow(height, width)
    torch.testing.assert_close(relative_speed(flow, fastest), _literal(flow, fastest))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_selection_by_torch_gives_the_same(dtype: torch.dtype) -> None:
    flow = _flow(4, 5).to(dtype)
    assert torch.equal(relative_speed(flow, 8.0), relative_speed(flow.requires_grad_(), 8.0))


def test_gradients_are_right() -> None:
    flow = _flow(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda flow: relative_speed(flow, 1e3), flow, fast_mode=True)
