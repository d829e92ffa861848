"""The report's three demands on L(e, n), its gradient and its shape."""

import math

import numpy as np
import pytest
import torch

from flowmend.losses.edges import edge_agreement


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
