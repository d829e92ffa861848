"""The report's three demands on L(e, n), its gradient and its shape."""

import math

import numpy as np
import pytest
import torch

from flowmend.losses.edges import edge_agreement, edge_agreement_loss
from flowmend.losses.scene import Scene


def _reference(e: np.ndarray, n: np.ndarray, threshold: float) -> np.ndarray:
    """One pixel at a time, float64."""
    value = np.empty(e.shape)
    for i in np.ndindex(e.shape):
        flat = math.exp(-n[i] / threshold)
        value[i] = (1 - e[i]) * (1 - flat) + e[i] * flat
    return value


def test_meets_the_formula_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    e, n = rng.random((2, 5, 7)), rng.exponential(1.0, (2, 5, 7))
    found = edge_agreement(torch.from_numpy(e), torch.from_numpy(n), 0.7)
    np.testing.assert_allclose(found.numpy(), _reference(e, n, 0.7), rtol=1e-14)


def test_nothing_and_nothing_agree() -> None:
    assert edge_agreement(torch.zeros(1), torch.zeros(1), 0.5).item() == 0


def test_an_edge_on_an_infinite_gradient_agrees() -> None:
    assert edge_agreement(torch.ones(1), torch.tensor([torch.inf]), 0.5).item() == 0


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.69, 0.70, 1.0, 4.0])
def test_the_best_edge_map_is_binary_and_switches_at_ln_2(ratio: float) -> None:
    e = torch.linspace(0, 1, 101, dtype=torch.float64)
    threshold = 2.5
    loss = edge_agreement(e, torch.full_like(e, ratio * threshold), threshold)
    assert e[loss.argmin()].item() == float(ratio > math.log(2))


def test_gradient_is_right() -> None:
    e = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    n = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: edge_agreement(a, b, 0.5), (e, n))


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan])
def test_threshold_must_be_positive(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        edge_agreement(torch.zeros(1), torch.zeros(1), threshold)


def _scene(flow: torch.Tensor, edges: torch.Tensor, threshold: float = 0.5) -> Scene:
    hole = torch.zeros(edges.shape, dtype=torch.bool)
    return Scene(flow, flow, hole, slice(0, 2), edges, edge_threshold_px=threshold)


def _jump(height: float) -> torch.Tensor:
    """Forward x component 0 px left of column 4, ``height`` px right of it; backward still."""
    flow = torch.zeros(1, 2, 2, 2, 6, 8)
    flow[:, :, 0, 0, :, 4:] = height
    return flow


class TestOfAScene:
    def test_a_drawn_jump_costs_less_the_higher_it_is(self) -> None:
        """A jump of d px has the norm d/2 in both of its columns: exp(−d/2N) there, 0 elsewhere."""
        edges = torch.zeros(1, 2, 6, 8)
        edges[..., 3:5] = 1
        for height in (1.0, 4.0):
            expected = math.exp(-height / 2 / 0.5) * 2 / 8
            loss = edge_agreement_loss(_scene(_jump(height), edges)).item()
            assert loss == pytest.approx(expected, abs=1e-5)

    def test_the_threshold_is_the_scenes(self) -> None:
        for threshold in (0.5, 2.0):
            loss = edge_agreement_loss(_scene(_jump(3.0), torch.zeros(1, 2, 6, 8), threshold))
            expected = (1 - math.exp(-1.5 / threshold)) * 2 / 8
            assert loss.item() == pytest.approx(expected, abs=1e-5)

    def test_the_backward_flow_has_no_say(self) -> None:
        loss = edge_agreement_loss(_scene(_jump(9.0).flip(2), torch.zeros(1, 2, 6, 8)))
        assert loss.item() == pytest.approx(0, abs=1e-5)

    def test_edges_pull_the_flow_apart_and_the_flow_raises_edges(self) -> None:
        flow, edges = _jump(2.0).requires_grad_(), torch.full((1, 2, 6, 8), 0.9).requires_grad_()
        edge_agreement_loss(_scene(flow, edges)).backward()
        assert flow.grad is not None
        assert edges.grad is not None
        assert (flow.grad[:, :, 0, 0, :, 4] < 0).all()  # descent makes the jump higher
        assert (edges.grad[..., 3:5] < 0).all()
        assert (edges.grad[..., 6] > 0).all()
