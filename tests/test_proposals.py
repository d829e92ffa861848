"""Proposals: transport when the gates say so, nothing at the start, and who is told what."""

import math

import pytest
import torch
from torch import Tensor

from flowmend.networks.proposals import PROPOSALS, Proposing
from flowmend.networks.refinement import Refiner
from flowmend.networks.told import DIFFERENCES
from flowmend.networks.update import Architecture1
from flowmend.params import EXPERIMENT
from refiners import clip, refiner

SPLATTED = {"rule": "clip", "neighbours": "splatted", "differences": True, "persistent": True}
ONWARD, BACK, ACCELERATION = 0, 1, 2
HEIGHT, WIDTH = 16, 18


def _proposing(**changes: object) -> Refiner:
    return refiner(**{**SPLATTED, "proposals": True, **changes})


def _opened(direction: int, *kinds: int) -> Refiner:
    """One neighbour's proposals of these kinds pass whole, all others not at all."""
    network = _proposing()
    with torch.no_grad():
        for kind in kinds:
            first = DIFFERENCES * direction + 2 * kind
            network.update.gate.bias[first : first + 2] = 20.0
    return network


def _moving(xs: list[int]) -> Tensor:
    """The flows of everything that is at column ``xs[t]``, frames 1 to -2, (1, T, 2, 2, H, W)."""
    flows = torch.zeros(1, len(xs) - 2, 2, 2, HEIGHT, WIDTH)
    for t in range(1, len(xs) - 1):
        flows[0, t - 1, 0, 0], flows[0, t - 1, 1, 0] = xs[t + 1] - xs[t], xs[t - 1] - xs[t]
    return flows


def _in_the_middle_frame(flows: Tensor) -> tuple[Tensor, Tensor, tuple[slice, slice]]:
    """Flow that is 0 in a hole of frame 1, the hole, and its rows and columns."""
    hole = torch.zeros(1, 3, HEIGHT, WIDTH, dtype=torch.bool)
    place = slice(6, 10), slice(7, 11)
    hole[0, 1][place] = True
    return torch.where(hole[:, :, None, None], 0.0, flows), hole, place


class TestTransport:
    """Everything moves by whole pixels, with a changing velocity; the hole is in frame 1."""

    TRUTH = _moving([0, 2, 3, 5, 8])

    def _mended(self, network: Refiner) -> Tensor:
        filled, hole, place = _in_the_middle_frame(self.TRUTH)
        with torch.no_grad():
            after = network(filled, hole, steps=1)[-1]
        return after.flows[0, 1, :, :, *place]

    @pytest.mark.parametrize("direction", [0, 1])
    def test_the_way_back_is_exact(self, direction: int) -> None:
        """Backward flow from the frame before, forward flow from the frame after."""
        mended = self._mended(_opened(direction, BACK))
        exact = self.TRUTH[0, 1, 1 - direction, :, :1, :1].expand(2, 4, 4)
        torch.testing.assert_close(mended[1 - direction], exact, atol=1e-4, rtol=0)
        assert mended[direction].abs().max() < 1e-4

    def test_the_way_on_is_the_neighbours(self) -> None:
        velocity = self.TRUTH[0, 0, 0, 0, 0, 0]
        mended = self._mended(_opened(0, ONWARD))
        torch.testing.assert_close(mended[0, 0], velocity.expand(4, 4), atol=1e-4, rtol=0)

    def test_the_acceleration_is_added(self) -> None:
        before = self.TRUTH[0, 0, :, 0, 0, 0]
        mended = self._mended(_opened(0, ONWARD, ACCELERATION))
        expected = before[0] + (before[0] + before[1])
        torch.testing.assert_close(mended[0, 0], expected.expand(4, 4), atol=1e-4, rtol=0)

    def test_nothing_passes_at_the_start(self) -> None:
        assert self._mended(_proposing()).abs().max() < 1e-6


def _told(network: Refiner) -> list[tuple]:
    """What the update is given, step by step, once the network runs."""
    told: list[tuple] = []
    network.update.register_forward_pre_hook(lambda _, given: told.append(given))
    return told


def test_closed_gates_leave_architecture_1() -> None:
    network = _proposing(awake=0.3)
    filled, hole = clip(2, 4)
    update = network.update
    told = _told(network)
    network(filled, hole, steps=1)
    with torch.no_grad():
        before, _ = update(*told[0])
        update.gate.weight.zero_()
        update.gate.bias.zero_()
        closed, trust = update(*told[0])
        plain, plain_trust = Architecture1.forward(update, *told[0])
    torch.testing.assert_close(closed, plain + update.take.bias[:, None, None])
    torch.testing.assert_close(trust, plain_trust)
    assert not torch.allclose(before, closed)


def test_sources_say_how_far_they_were_known() -> None:
    """The second piece of each: 1 outside the hole, carried along by the neighbours' flow."""
    network = _proposing()
    filled, hole = clip(1, 3)
    filled.zero_()
    hole[:, 1] = hole[:, 1].roll(2, dims=-1)
    told = _told(network)
    network(filled, hole, steps=2)
    known = (~hole[0]).float()
    for (own, previous, following), *_ in told:  # at every step, whatever the confidence
        assert torch.equal(own[1][:, 0], known)
        torch.testing.assert_close(previous[1][1:, 0], known[:-1])
        torch.testing.assert_close(following[1][:-1, 0], known[1:])
        assert previous[1][0].abs().max() == following[1][-1].abs().max() == 0


def test_proposals_that_do_not_start_as_transport_are_small_and_alive() -> None:
    update = _proposing().update
    assert isinstance(update, Proposing)
    further = update.take.weight[:, 2 * DIFFERENCES :]
    assert further.shape[1] == PROPOSALS - 2 * DIFFERENCES
    assert 0 < further.std() < 0.3 * math.sqrt(2 / PROPOSALS)


@pytest.mark.parametrize(
    "change", [{"differences": False}, {"architecture": 2}, {"convolution": "gated"}]
)
def test_proposals_want_differences_and_partial_convolutions(change: dict) -> None:
    block = {
        **{"study": "x", "task": "iterative", "fill": "smooth", "setup": "sandwich"},
        **{"rule": "clip", "neighbours": "splatted", "schedule": "eq4", "proposals": True},
        **{"losses": {"inpaint_l1": 1.0}, "backpropagation": "per_step", "differences": True},
    }
    assert EXPERIMENT.validate_python(block).proposals
    with pytest.raises(ValueError, match="proposals need differences: true"):
        EXPERIMENT.validate_python(block | change)
