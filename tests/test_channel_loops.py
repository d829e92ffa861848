"""Products with confidences, and what a partial convolution does last: loops against maps."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from flowmend.networks import rescaling, sources
from flowmend.networks.rescaling import rescaled
from flowmend.networks.sources import weighed

CHANNELS = 5, 1, 12


def _draw(*size: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*size, generator=random, dtype=torch.float64).requires_grad_()


def _weighed(*parts: Tensor) -> Tensor:
    *features, known = parts
    return weighed(features, known)


def _rescaled(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return rescaled(x, scale, (scale.detach() > 0).to(x.dtype), bias)


def _of_sources() -> list[Tensor]:
    return [*(_draw(2, channels, 4, 3) for channels in CHANNELS), _draw(2, len(CHANNELS), 4, 3)]


def _of_a_convolution() -> list[Tensor]:
    return [_draw(2, 7, 4, 3), _draw(2, 1, 4, 3, seed=1), _draw(7)]


@pytest.mark.parametrize(
    ("room", "function", "draw"),
    [(sources, _weighed, _of_sources), (rescaling, _rescaled, _of_a_convolution)],
    ids=["weighed", "rescaled"],
)
class TestLoops:
    def test_give_what_maps_give(
        self, room: object, function: Callable, draw: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = draw()
        found = function(*given)
        of_found = torch.autograd.grad(found.square().sum(), given)
        monkeypatch.setattr(room, "takes", lambda *_: False)
        expected = function(*given)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        of_expected = torch.autograd.grad(expected.square().sum(), given)
        torch.testing.assert_close(of_found, of_expected, rtol=1e-12, atol=1e-12)

    def test_have_right_gradients(self, room: object, function: Callable, draw: Callable) -> None:
        assert torch.autograd.gradcheck(function, tuple(draw()), fast_mode=True)

    def test_take_float32(self, room: object, function: Callable, draw: Callable) -> None:
        given = draw()
        found = function(*(each.detach().float() for each in given))
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), function(*given), rtol=1e-5, atol=1e-5)
