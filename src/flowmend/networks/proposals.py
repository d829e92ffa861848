"""Proposals: what the neighbours say, taken over as far as gates let it (beyond the report).

A convolution adds up what it sees with the same weights everywhere. A neighbour's flow that arrives
exact should rather replace the frame's own, and one that belongs to something else should not
count at all: gates, learned like any features, decide it pixel by pixel.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from flowmend.loops.told import DIFFERENCES
from flowmend.networks.blocks import SLOPE, conv
from flowmend.networks.sources import Maps, Present, Sources, Trust, joined, weighed
from flowmend.networks.told import Told
from flowmend.networks.update import Architecture1, ConfidentConv

PROPOSALS = 24
# The report's weighted average takes over no more than half of what is new.
_WHOLE = 2.0
_FURTHER = 0.2  # of the usual size: proposals that start at random, beside transport's


class Proposing(Architecture1):
    """Architecture 1 whose correction also has the neighbours' proposals, each times its gate.

    A proposal is a linear combination of all that arrives. The first twelve start as transport
    has it: either neighbour's flow reversed, its flow onward, and its acceleration. All gates
    start closed. They see the partial convolution's features, the confidences, and how far each
    source was known before anything was filled in, its second piece.

    Args:
        layer: makes the partial convolutions.
        sources: channels of the frame's own features, and of what comes from either neighbour.
        width: channels between the two layers.
        channels: of the features.
    """

    def __init__(
        self, layer: ConfidentConv, sources: Sequence[int], width: int, channels: int
    ) -> None:
        super().__init__(layer, sources, width, channels)
        self.offer = conv(sum(sources), PROPOSALS, size=1)
        self.gate = conv(width + 2 * len(sources), PROPOSALS)
        self.take = conv(PROPOSALS, channels, size=1)
        with torch.no_grad():
            self.gate.weight.zero_()
            self._start_as_transport(sources)

    def forward(self, sources: Sources, confidence: Trust, present: Present) -> tuple[Maps, Trust]:
        """Three sources to a correction (N, C, H, W) and its confidence (N, 1, H, W)."""
        assert isinstance(sources, Told)
        known = confidence * present[..., None, None]
        seen = weighed(sources, known)
        inner, trust = self.first(sources, confidence, present, seen)
        inner = functional.leaky_relu(inner, SLOPE)
        correction, new_trust = self.second([inner], trust, present[:, :1])
        before = self.gate(joined([inner, known, sources.known()]))
        gates = 2 * torch.sigmoid(2 * before) - 1  # its tanh, in a quarter of the time
        return correction + self.take(self.offer(seen) * gates), new_trust

    def _start_as_transport(self, sources: Sequence[int]) -> None:
        self.take.weight.mul_(_FURTHER)
        self.take.weight[:, : 2 * DIFFERENCES] = self.offer.weight[: 2 * DIFFERENCES] = 0
        whole = _WHOLE * torch.eye(2)
        for direction in range(2):  # of the neighbour's flow that leads to us
            end = sum(sources[: direction + 2])
            own = slice(DIFFERENCES * direction, DIFFERENCES * (direction + 1))
            self.offer.weight[own, end - DIFFERENCES : end, 0, 0] = torch.eye(DIFFERENCES)
            onward, back, acceleration = self.take.weight[:, own, 0, 0].split(2, dim=1)
            flows = slice(0, 2), slice(2, 4)  # channels of the features that start as flow
            along, against = flows[direction], flows[1 - direction]
            onward[along] = acceleration[along] = back[against] = whole
