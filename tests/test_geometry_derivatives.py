"""Derivatives of polynomials are known; norms have finite gradients."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.geometry.derivatives import (
    gradient,
    jacobian_norm,
    safe_norm,
    spatio_temporal,
    total_variation,
)
from flowmend.geometry.warp import pixel_grid

slopes = st.floats(-2.0, 2.0)


@settings(max_examples=30, deadline=None)
@given(slopes, slopes, slopes, slopes)
def test_affine_flow_has_its_matrix_as_jacobian(a: float, b: float, c: float, d: float) -> None:
    matrix = torch.tensor([[a, b], [c, d]], dtype=torch.float64)
    flow = torch.einsum("ij,jhw->ihw", matrix, pixel_grid(7, 9, torch.float64))
    jacobian = gradient(flow)
    assert jacobian.shape == (2, 2, 7, 9)
    torch.testing.assert_close(jacobian, matrix.view(2, 2, 1, 1).expand_as(jacobian))
    norm = jacobian_norm(flow)
    torch.testing.assert_close(norm, matrix.norm().expand(7, 9), atol=2e-6, rtol=0)


def test_gradient_is_numpys() -> None:
    torch.manual_seed(0)
    a = torch.randn(3, 6, 8, dtype=torch.float64)
    along_y, along_x = np.gradient(a.numpy(), axis=(-2, -1))
    np.testing.assert_allclose(gradient(a), np.stack((along_x, along_y), axis=1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), st.floats(0.1, 5.0))
def test_total_variation_of_a_step_is_its_height(column: int, height: float) -> None:
    a = torch.zeros(1, 5, 9, dtype=torch.float64)
    a[..., column + 1 :] = height
    variation = total_variation(a)
    expected = torch.zeros(5, 9, dtype=torch.float64)
    expected[:, column] = height
    torch.testing.assert_close(variation, expected, atol=2e-6, rtol=0)


def test_total_variation_sums_over_channels() -> None:
    torch.manual_seed(0)
    a = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    parts = sum(total_variation(a[:, c : c + 1]) for c in range(3))
    torch.testing.assert_close(total_variation(a), parts)


def test_spatio_temporal_error_ignores_uniform_acceleration() -> None:
    # Two translations differ by a constant, whose gradient vanishes (report, 2.2.6).
    f_t = torch.tensor([1.3, -0.4]).view(2, 1, 1).expand(2, 12, 12)
    f_next = torch.tensor([2.0, 0.5]).view(2, 1, 1).expand(2, 12, 12)
    assert spatio_temporal(f_t, f_next).max() < 1e-5


def test_spatio_temporal_error_follows_the_motion() -> None:
    # The step in f_{t+1} lies two columns further along f_t = (2, 0): it is met two columns before.
    f_t = torch.zeros(2, 12, 12)
    f_t[0] = 2.0
    f_next = f_t.clone()
    f_next[1, :, 8:] = 1.0
    columns = (spatio_temporal(f_t, f_next).mean(0) > 0.1).nonzero().flatten()
    assert columns.tolist() == [5, 6]


def test_safe_norm_has_a_finite_gradient_at_zero() -> None:
    x = torch.zeros(2, 3, requires_grad=True)
    norm = safe_norm(x, dim=0)
    assert (norm <= 1e-6 * (1 + 1e-6)).all()
    norm.sum().backward()
    assert torch.equal(x.grad, torch.zeros(2, 3))


def test_safe_norm_is_the_norm_elsewhere() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 5, 6, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(safe_norm(x, dim=(0, 2)), x.norm(dim=(0, 2)))
    assert torch.autograd.gradcheck(lambda x: safe_norm(x, dim=0), x)
    assert torch.autograd.gradgradcheck(lambda x: safe_norm(x, dim=0), x)


def test_maps_are_differentiable() -> None:
    torch.manual_seed(0)
    flow = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    following = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(jacobian_norm, flow)
    assert torch.autograd.gradcheck(total_variation, flow)
    steady = (0.1 + 0.8 * torch.rand(2, 5, 6, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(spatio_temporal, (steady, following))
