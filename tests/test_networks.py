"""The trunks and their wrapper: any size, residual from the fill, gradients everywhere."""

import pytest
import torch
from torch import nn

from flowmend.networks import NETWORKS
from flowmend.networks.blocks import pad_to_multiple
from flowmend.networks.flow_predictor import FLOW_UNIT_PX, FlowPredictor

FRAMES = 3


def _filled(batch: int = 2, height: int = 16, width: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(batch, FRAMES, 2, 2, height, width, generator=generator)


def _hole(filled: torch.Tensor) -> torch.Tensor:
    hole = torch.zeros(*filled.shape[:2], *filled.shape[-2:], dtype=torch.bool)
    hole[..., 4:10, 5:12] = True
    return hole


def _predictor(name: str, residual: bool) -> FlowPredictor:
    torch.manual_seed(0)
    return FlowPredictor(NETWORKS[name](5 * FRAMES, 4 * FRAMES, 8), residual)


@pytest.mark.parametrize("name", NETWORKS)
class TestTrunk:
    @pytest.mark.parametrize("size", [(16, 16), (17, 23), (9, 40)])
    def test_keeps_any_size(self, name: str, size: tuple[int, int]) -> None:
        assert NETWORKS[name](7, 5, 4)(torch.randn(2, 7, *size)).shape == (2, 5, *size)

    def test_starts_without_a_lattice(self, name: str) -> None:
        """Pixels that one place of the coarse grid predicts are alike at the start."""
        block = {"resnet": 4}.get(name, 2)
        with torch.no_grad():
            y = NETWORKS[name](3, 2, 4)(torch.randn(1, 3, 16, 16))
        coarse = y[..., ::block, ::block]
        assert coarse.std() > 0
        shown = coarse.repeat_interleave(block, -1).repeat_interleave(block, -2)
        torch.testing.assert_close(y, shown)

    def test_every_parameter_has_a_gradient(self, name: str) -> None:
        trunk = NETWORKS[name](3, 2, 4)
        for layer in trunk.modules():  # blocks and translations start as identities: wake them
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.1)
        trunk(torch.randn(1, 3, 16, 16)).square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trunk.parameters())

    def test_sees_across_a_hole(self, name: str) -> None:
        trunk = NETWORKS[name](1, 1, 4)
        for layer in trunk.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.2)
        x = torch.zeros(1, 1, 64, 64, requires_grad=True)
        trunk(x)[0, 0, 32, 32].backward()
        assert x.grad is not None
        seen = x.grad[0, 0].abs().sum(0).nonzero()
        assert seen.max() - seen.min() >= 24


def test_the_two_are_of_comparable_size() -> None:
    sizes = [sum(p.numel() for p in build(30, 24, 16).parameters()) for build in NETWORKS.values()]
    assert max(sizes) / min(sizes) < 1.25


@pytest.mark.parametrize("name", NETWORKS)
class TestFlowPredictor:
    def test_residual_starts_as_the_fill(self, name: str) -> None:
        filled = _filled()
        assert torch.equal(_predictor(name, residual=True)(filled, _hole(filled)).flows, filled)

    def test_residual_changes_the_hole_alone(self, name: str) -> None:
        predictor, filled = _predictor(name, residual=True), _filled()
        nn.init.normal_(predictor.trunk.last.weight)
        changed = (predictor(filled, _hole(filled)).flows != filled).any(dim=(2, 3))
        assert torch.equal(changed, _hole(filled))

    def test_direct_predicts_the_whole_frame(self, name: str) -> None:
        predictor, filled = _predictor(name, residual=False), _filled()
        nn.init.zeros_(predictor.trunk.last.weight)
        nn.init.ones_(predictor.trunk.last.bias)
        predicted = predictor(filled, _hole(filled)).flows
        assert torch.equal(predicted, torch.full_like(filled, FLOW_UNIT_PX))


class TestPadding:
    def test_leaves_a_fitting_size_alone(self) -> None:
        x = torch.randn(1, 1, 8, 16)
        assert pad_to_multiple(x, 8) is x

    def test_repeats_the_border(self) -> None:
        x = torch.arange(6.0).reshape(1, 1, 2, 3)
        padded = pad_to_multiple(x, 4)
        assert padded.shape == (1, 1, 4, 4)
        assert torch.equal(padded[0, 0, 3], torch.tensor([3.0, 4.0, 5.0, 5.0]))
