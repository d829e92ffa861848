"""Iterative refinement: features and confidence of every frame, step by step (Algorithm 1)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.networks.codec import Feature2Flow, Flow2Feature
from flowmend.networks.neighbours import NEIGHBOURS, Frames
from flowmend.networks.packing import packed
from flowmend.networks.told import Told
from flowmend.types import BothFlows, Hole


class State(NamedTuple):
    """All frames of B clips between two refinement steps.

    Attributes:
        features: (B, T, C, H, W).
        confidence: (B, T, H, W) in [0, 1].
        flows: decoded, (B, T, 2 directions [forward, backward], 2, H, W), px.
    """

    features: Float[Tensor, "batch frames channels height width"]
    confidence: Float[Tensor, "batch frames height width"]
    flows: BothFlows

    def detached(self) -> "State":
        """The same, cut off from the steps before."""
        return State(*(part.detach() for part in self))


class Refiner(nn.Module):
    """Flow2Feature, Feature2Flow and Update, and how they iterate.

    Nothing in it knows how many frames or steps there are.

    Args:
        encoder, decoder: Flow2Feature and Feature2Flow.
        update: from the three sources to a correction of the frame's own features.
        neighbours: how the neighbours arrive, of :data:`flowmend.networks.neighbours.NEIGHBOURS`.
        differences: True also tells the update how the neighbours' flow differs from the frame's
            (beyond the report).
        persistent: True goes on updating the hole when its confidence is full (beyond the
            report, whose update stops there).
        origins: True also tells the update, as each source's second piece, how far it was known
            before anything was filled in (beyond the report).
    """

    def __init__(
        self,
        encoder: Flow2Feature,
        decoder: Feature2Flow,
        update: nn.Module,
        neighbours: str,
        differences: bool,
        persistent: bool,
        origins: bool,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.update = encoder, decoder, update
        self.neighbours, self.differences, self.persistent = neighbours, differences, persistent
        self.origins = origins
        self.eagerness = nn.Parameter(torch.zeros(()))  # of the fast to be in front
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, filled: BothFlows, hole: Hole, steps: int) -> list[State]:
        """The states after 0, 1, … ``steps`` refinement steps.

        Args:
            filled: true flow outside the hole, the initial fill inside, px.
            hole: bool (B, T, H, W).
            steps: how many.
        """
        states = [self.start(filled, hole)]
        for _ in range(steps):
            states.append(self.step(states[-1], hole))
        return states

    def start(self, filled: BothFlows, hole: Hole) -> State:
        """The encoded fill, trusted outside the hole alone."""
        flows = filled.flatten(2, 3).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features = self.encoder(flows)
        return self._state(features, (~hole).to(filled.dtype).flatten(0, 1).unsqueeze(1), filled)

    def step(self, state: State, hole: Hole) -> State:
        """One refinement step of all frames at once."""
        own = state.features.flatten(0, 1)
        trust = state.confidence.flatten(0, 1).unsqueeze(1)
        sources, confidence = self._sources(state, trust, hole)
        correction, new_trust = self.update(sources, confidence, _present(state))
        new_trust = torch.maximum(trust, new_trust)  # what is known stays known
        open_to = hole.flatten(0, 1).unsqueeze(1) if self.persistent else 1 - trust
        features = merged(own, correction, new_trust * open_to)
        return self._state(features, new_trust, state.flows)

    def _sources(self, state: State, trust: Tensor, hole: Hole) -> tuple[Told, Tensor]:
        """The frame's own features and what either neighbour says, and their confidences."""
        clips, held = hole.shape[:2], state.features.shape[2]
        known = (~hole).to(trust).flatten(0, 1).unsqueeze(1)
        own, flows = state.features.flatten(0, 1), state.flows.flatten(2, 3).flatten(0, 1)
        sent = packed(own, known, flows, self.origins, self.differences)
        frames = Frames(sent.unflatten(0, clips), state.confidence.unsqueeze(2), state.flows)
        ways = NEIGHBOURS[self.neighbours](frames, self.eagerness)
        previous, following = (way.maps.flatten(0, 1) for way in ways)
        trusts = [trust, *(way.confidence.flatten(0, 1) for way in ways)]
        told = Told(sent, previous, following, held, self.origins)
        return told, torch.cat(trusts, dim=1)

    def _state(self, features: Tensor, trust: Tensor, like: Tensor) -> State:
        clips = like.shape[:2]
        flows = self.decoder(features)
        return State(
            features.unflatten(0, clips),
            trust.squeeze(1).unflatten(0, clips),
            flows.unflatten(1, (2, 2)).unflatten(0, clips),
        )


def merged(own: Tensor, correction: Tensor, weight: Tensor) -> Tensor:
    """``(F_in + F_new · w) / (1 + w)``, ``w = κ_new · (1 − κ_in)`` (report, 3.3.3).

    F_new is F_in + ``correction``, hence F_in + ``correction`` · w / (1 + w).
    """
    return torch.addcmul(own, correction, weight / (1 + weight))


def _present(state: State) -> Tensor:
    """Which of the three sources each frame has: the ends of a clip lack a neighbour."""
    clips, frames = state.confidence.shape[:2]
    present = state.confidence.new_ones(clips, frames, 3)
    present[:, 0, 1] = 0
    present[:, -1, 2] = 0
    return present.flatten(0, 1)
