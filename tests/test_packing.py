"""What a frame sends: one loop against normalisation and joining, and its gradient."""

import pytest
import torch
from torch import Tensor

from flowmend.networks import packing
from flowmend.networks.feature_norm import normalised
from flowmend.networks.packing import packed


def _maps(features: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    draw = lambda channels: torch.randn(3, channels, 4, 5, generator=random).double()  # noqa: E731
    return 9 * draw(features).requires_grad_(), (draw(1) > 0).double(), draw(4).requires_grad_()


def _map_by_map(monkeypatch: pytest.MonkeyPatch, *given: Tensor | bool) -> Tensor:
    with monkeypatch.context() as patched:
        patched.setattr(packing, "takes", lambda *_: False)
        return packed(*given)


@pytest.mark.parametrize("origins", [False, True])
@pytest.mark.parametrize("differences", [False, True])
@pytest.mark.parametrize("features", [5, 12])
class TestPacked:
    def test_is_what_goes_map_by_map(
        self, features: int, differences: bool, origins: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = *_maps(features), origins, differences
        sent, expected = packed(*given), _map_by_map(monkeypatch, *given)
        torch.testing.assert_close(sent, expected, rtol=1e-12, atol=1e-12)
        assert sent.shape[1] == features + origins + 4 * differences
        assert sent.is_contiguous(memory_format=torch.channels_last)

    def test_gradients_are_right(self, features: int, differences: bool, origins: bool) -> None:
        maps, known, flows = _maps(features)
        send = lambda maps, flows: packed(maps, known, flows, origins, differences)  # noqa: E731
        assert torch.autograd.gradcheck(send, (maps, flows), fast_mode=True)


def test_the_order_is_features_then_how_far_known_then_flows() -> None:
    maps, known, flows = _maps(6)
    held, origin, moves = packed(maps, known, flows, True, True).split([6, 1, 4], dim=1)
    torch.testing.assert_close(held, normalised(maps.unsqueeze(0)).squeeze(0))
    assert torch.equal(origin, known)
    assert torch.equal(moves, flows)


def test_half_precision_goes_map_by_map() -> None:
    maps, known, flows = (each.bfloat16() for each in _maps(6))
    sent = packed(maps, known, flows, True, True)
    assert sent.dtype == torch.bfloat16
    expected = packed(maps.double(), known.double(), flows.double(), True, True)
    torch.testing.assert_close(sent.double(), expected, rtol=0.02, atol=0.02)
