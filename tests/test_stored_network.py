"""Networks that travel as a path: read when needed, refined once, taken for no other's."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from flowmend.stages import stored_network
from flowmend.stages.stored_network import StoredNetwork, StoredRefinement
from flowmend.types import Clip, Completion


class Refinement:
    """Stands for a trained one: each step adds as many px as its file's name says."""

    def __init__(self, weights: Path) -> None:
        self.px = int(weights.name)
        self.read, self.traced = [weights], 0

    def __call__(self, clip: Clip) -> Completion:
        return self.trace(clip)[-1]

    def trace(self, clip: Clip) -> list[Completion]:
        self.traced += 1
        return [Completion(clip.forward + k * self.px, clip.backward) for k in range(3)]

    @property
    def inpainter(self) -> "Refinement":
        return self


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Refinement]:
    """Those that were read, in order."""
    found: list[Refinement] = []

    def load_model(path: Path) -> Refinement:
        found.append(Refinement(path))
        return found[-1]

    monkeypatch.setattr(stored_network, "load_model", load_model)
    monkeypatch.setattr(stored_network, "IterativeInpainter", Refinement)
    monkeypatch.setattr(StoredRefinement, "_last", None)
    return found


def _clip(value: float = 0.0) -> Clip:
    flow = torch.full((2, 2, 3, 3), value)
    return Clip(flow, flow, torch.zeros(2, 3, 3, dtype=torch.bool))


def test_weights_are_read_once_and_not_before_they_are_needed(made: list[Refinement]) -> None:
    network = StoredNetwork(Path("4"))
    assert not made
    for _ in range(2):
        assert (network(_clip()).forward == 8).all()
    assert len(made) == 1


def test_travels_as_its_path(made: list[Refinement]) -> None:
    network = pickle.loads(pickle.dumps(StoredRefinement(Path("3"))))
    assert not made
    assert [step.forward.max() for step in network.trace(_clip())] == [0, 3, 6]


def test_the_same_clip_is_refined_once(made: list[Refinement]) -> None:
    network = StoredRefinement(Path("1"))
    trace = network.trace(_clip())
    assert network(_clip()) is trace[-1]
    assert made[0].traced == 1


def test_another_clip_is_refined_anew(made: list[Refinement]) -> None:
    network, clip = StoredRefinement(Path("1")), _clip()
    network(clip)
    for other in (
        _clip(5.0),
        replace(clip, backward=clip.backward + 1),
        replace(clip, hole=~clip.hole),
        Clip(clip.forward[:1], clip.backward[:1], clip.hole[:1]),
    ):
        before = made[0].traced
        assert torch.equal(network(other).forward, other.forward + 2)
        assert made[0].traced == before + 1


def test_no_network_is_given_the_steps_of_another(made: list[Refinement]) -> None:
    one, other = (StoredRefinement(Path(name)) for name in "12")
    assert (one(_clip()).forward == 2).all()
    assert (other(_clip()).forward == 4).all()
    assert (one(_clip()).forward == 2).all()
