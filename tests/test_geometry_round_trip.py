"""Round trips: identities of constant, affine and wrong flow (SPEC, reading R3)."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.geometry.round_trip import min_round_trip, occlusion, round_trip
from flowmend.geometry.warp import pixel_grid

components = st.floats(-3.0, 3.0)


def constant(x: float, y: float, height: int = 12, width: int = 14) -> Tensor:
    """The same displacement everywhere, float64."""
    return torch.tensor([x, y], dtype=torch.float64).view(2, 1, 1).expand(2, height, width)


@settings(max_examples=40, deadline=None)
@given(components, components)
def test_opposite_translations_cancel(x: float, y: float) -> None:
    there, back = constant(x, y), constant(-x, -y)
    assert round_trip(there, back).max() < 2e-6
    assert not occlusion(there, back, 0.5)[4:8, 4:10].any()


@settings(max_examples=40, deadline=None)
@given(components, components, components, components)
def test_constant_flows_leave_their_sum(x: float, y: float, u: float, v: float) -> None:
    expected = (constant(x, y) + constant(u, v)).norm(dim=0)
    torch.testing.assert_close(
        round_trip(constant(x, y), constant(u, v)), expected, atol=2e-6, rtol=0
    )


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.2, 0.2), st.floats(0.85, 1.2), components, components)
def test_an_affine_motion_and_its_inverse_cancel(
    angle: float, scale: float, x: float, y: float
) -> None:
    # Bilinear interpolation is exact on affine flow, so the trip closes wherever it stays inside.
    turn = torch.tensor(angle, dtype=torch.float64)
    matrix = scale * torch.stack((turn.cos(), -turn.sin(), turn.sin(), turn.cos())).view(2, 2)
    shift = torch.tensor([x, y], dtype=torch.float64).view(2, 1, 1)
    grid = pixel_grid(16, 18, torch.float64)
    forward = torch.einsum("ij,jhw->ihw", matrix, grid) + shift - grid
    backward = torch.einsum("ij,jhw->ihw", matrix.inverse(), grid - shift) - grid
    stays = ~occlusion(forward, backward, 1e9)
    assert (round_trip(forward, backward)[stays] < 5e-6).all()


def test_the_frames_border_occludes() -> None:
    leaving = occlusion(constant(2.5, 0.0), constant(-2.5, 0.0), 0.5)
    assert leaving[:, -3:].all()
    assert not leaving[:, :-3].any()


def test_a_point_that_does_not_return_is_occluded() -> None:
    backward = constant(-1.0, 0.0).clone()
    backward[:, :, 7:] = 0
    hidden = occlusion(constant(1.0, 0.0), backward, 0.5)
    assert hidden[:, 6:].all()
    assert not hidden[:, :6].any()


def test_min_round_trip_reads_the_previous_frame() -> None:
    # A steady motion closes both ways; each flow that is wrong opens one of the two trips.
    f, b, wrong = constant(1.0, -0.5), constant(-1.0, 0.5), constant(2.0, 2.0)
    assert min_round_trip(f, b, b, f).max() < 2e-6
    assert min_round_trip(f, wrong, b, f).max() < 2e-6
    assert min_round_trip(f, b, b, wrong).max() < 2e-6
    assert min_round_trip(f, wrong, b, wrong).min() > 2.5


def test_min_round_trip_of_accelerating_motion_vanishes() -> None:
    # b_t undoes f_{t-1} in frame t-1, not f_{t+1} (R3): displacements differ from frame to frame.
    f_prev, f_t = constant(1.0, 0.0), constant(2.0, 1.0)
    assert min_round_trip(f_t, constant(0.0, 3.0), -f_prev, f_prev).max() < 2e-6
    assert min_round_trip(f_t, -f_t, -f_prev, constant(0.0, 3.0)).max() < 2e-6


def test_gradient_is_finite_where_the_trip_closes() -> None:
    forward = torch.zeros(2, 6, 6, requires_grad=True)
    backward = torch.zeros(2, 6, 6, requires_grad=True)
    round_trip(forward, backward).mean().backward()
    assert torch.isfinite(forward.grad).all()
    assert torch.isfinite(backward.grad).all()


def test_gradcheck() -> None:
    torch.manual_seed(0)
    # Off the pixel centres, where the bilinear interpolant has no kink.
    forward = (0.1 + 0.8 * torch.rand(2, 5, 6, dtype=torch.float64)).requires_grad_()
    backward = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(round_trip, (forward, backward))
