"""How neighbours arrive: loops over pixels against warps and splats of whole maps."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowmend.geometry.relative_speed import relative_speed
from flowmend.networks import neighbours
from flowmend.networks.looking_up import looked_up
from flowmend.networks.neighbours import FASTEST, Frames, Ways, splatted, warped
from flowmend.networks.pushing import pushed

EAGERNESS = torch.tensor(0.3, dtype=torch.float64)


def _frames(
    shape: tuple[int, int, int, int] = (2, 3, 5, 6), px: float = 2.0, seed: int = 0
) -> Frames:
    """Clips of random maps, confidences and flows in float64."""
    clips, frames, height, width = shape
    random = torch.Generator().manual_seed(seed)
    draw = lambda *size: torch.rand(clips, frames, *size, height, width, generator=random)  # noqa: E731
    maps, trust, flows = draw(3), draw(1), (2 * draw(2, 2) - 1) * px
    return Frames(*(part.double().requires_grad_() for part in (maps - 0.5, trust, flows)))


def _splatted_map_by_map(frames: Frames, eagerness: Tensor) -> Ways:
    flows = frames.flows.detach()
    flow = torch.stack((flows[:, :-1, 0], flows[:, 1:, 1]))
    boost = torch.exp(eagerness * relative_speed(flow, FASTEST))
    return neighbours._splatted_map_by_map(frames, boost, flow)


def _warped_map_by_map(frames: Frames, eagerness: Tensor) -> Ways:
    return neighbours._warped_map_by_map(frames)


PAIRS = [(warped, _warped_map_by_map), (splatted, _splatted_map_by_map)]
Neighbours = Callable[[Frames, Tensor], Ways]
sizes = st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6))


def _values(ways: Ways) -> list[Tensor]:
    return [part for way in ways for part in way]


@pytest.mark.parametrize(("loops", "maps"), PAIRS)
class TestLoops:
    @settings(max_examples=40, deadline=None)
    @given(shape=sizes, px=st.sampled_from([0.0, 0.4, 2.5, 9.0]), seed=st.integers(0, 2**31 - 1))
    def test_are_the_maps(
        self,
        loops: Neighbours,
        maps: Neighbours,
        shape: tuple[int, int, int, int],
        px: float,
        seed: int,
    ) -> None:
        frames = _frames(shape, px, seed)
        found, expected = (_values(each(frames, EAGERNESS)) for each in (loops, maps))
        for one, other in zip(found, expected, strict=True):
            # Where next to nothing lands, both divide by next to nothing.
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-7)

    def test_have_their_gradients(self, loops: Neighbours, maps: Neighbours) -> None:
        frames, eagerness = _frames(), EAGERNESS.clone().requires_grad_()
        push = [torch.randn_like(each) for each in _values(maps(frames, eagerness))]
        found, expected = (
            torch.autograd.grad(
                _values(each(frames, eagerness)), [*frames, eagerness], push, allow_unused=True
            )
            for each in (loops, maps)
        )
        for one, other in zip(found, expected):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-7)

    def test_what_is_trusted_in_full_has_their_gradients(
        self, loops: Neighbours, maps: Neighbours
    ) -> None:
        """Nothing moves: sums of confidences are 1, where clamping begins."""
        still = _frames(px=0.0)
        full = torch.ones_like(still.confidence).requires_grad_()
        frames, push = still._replace(confidence=full), None
        gradients = []
        for each in (loops, maps):
            trusted = [way.confidence for way in each(frames, EAGERNESS)]
            push = [torch.rand_like(part) for part in trusted] if push is None else push
            gradients.append(torch.autograd.grad(trusted, full, push)[0])
        assert gradients[0].any()
        torch.testing.assert_close(*gradients, rtol=1e-7, atol=1e-7)

    def test_in_float32(self, loops: Neighbours, maps: Neighbours) -> None:
        exact = _frames()
        single = Frames(*(part.detach().float() for part in exact))
        found = _values(loops(single, EAGERNESS.float()))
        for one, other in zip(found, _values(maps(exact, EAGERNESS))):
            assert one.dtype == torch.float32
            torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4)


def test_gradients_of_looking_up_are_right() -> None:
    frames = _frames((1, 3, 4, 5), px=0.4)
    given = frames.maps, frames.confidence, frames.flows.detach().flatten(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda *g: sum(looked_up(*g), ()), given, fast_mode=True)


def test_gradients_of_pushing_are_right() -> None:
    frames = _frames((1, 3, 4, 5))
    boost = torch.rand(2, 1, 2, 1, 4, 5, dtype=torch.float64).add(0.5).requires_grad_()
    flows = frames.flows.detach().flatten(2, 3)
    push = lambda *g: sum(pushed(*g, flows), ())  # noqa: E731
    assert torch.autograd.gradcheck(push, (frames.maps, frames.confidence, boost), fast_mode=True)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("way", [0, 1])
def test_what_flies_away_lands_nowhere(bad: float, way: int) -> None:
    frames = _frames((1, 2, 3, 4), px=0.0)
    flows = frames.flows.detach().flatten(2, 3).clone()
    sender = way  # the frame before sends forward, the one after backward
    flows[0, sender, 2 * way, 1, 2] = bad
    boost = torch.ones(2, 1, 1, 1, 3, 4).double()
    arrived, landed = pushed(frames.maps, frames.confidence, boost, flows)[way]
    expected = frames.confidence[:, sender].detach().clone()
    expected[0, 0, 1, 2] = 0
    torch.testing.assert_close(landed[:, 1 - sender], expected)
    assert arrived.isfinite().all()
    (arrived.sum() + landed.sum()).backward()
    assert frames.maps.grad is not None
    assert frames.maps.grad[0, sender, :, 1, 2].eq(0).all()
