"""Transport: known flow carried along itself through time, into the hole (beyond the report).

A point that moves from frame t-1 to t along ``f_{t-1}`` has there, by definition, the backward
flow ``-f_{t-1}``. What its forward flow will be is a guess: the same velocity again, or the same
acceleration. The same is said, time reversed, of what arrives from frame t+1.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from flowmend.geometry.relative_speed import relative_speed
from flowmend.geometry.splat import splat
from flowmend.types import BothFlows, Clip, Completion, Hole, Inpainter

# A guess is about as wrong as a fill, and a guess built on a guess far more; what is exact has
# trust 1. On training clips of moving shapes 0.003 to 0.05 make no difference.
GUESS = 0.01
FASTEST = 2.0  # px beyond the median's that still count: a runaway guess is not in front of all
_NOTHING = 1e-12

Trust = Float[Tensor, "*batch 2 height width"]  # one a direction, in [0, 1]


class Transport:
    """Mends a clip without learning, from the motion of what other frames show.

    One sweep through time and one back. Each frame pushes both its flows along the one that
    points the sweep's way, with what has arrived in its own hole; fast pixels go before slow
    ones. In the end a pixel of the hole is the mean of both sweeps and the fill, weighted by
    trust: the fill stands where nothing arrives and yields to what is exact. What is hidden in
    one frame behind something that the other frames do not show is mistaken for visible.

    Args:
        fill: mends the clip where nothing arrives.
        acceleration: guess constant acceleration (forward flow ``2 f_{t-1} + b_{t-1}``), rather
            than constant velocity (``f_{t-1}``).
    """

    def __init__(self, fill: Inpainter, acceleration: bool) -> None:
        self._fill = fill
        self._acceleration = acceleration

    def __call__(self, clip: Clip) -> Completion:
        """Fill (*batch, T, 2, H, W) flows in the clip's own hole (*batch, T, H, W)."""
        seen = clip.hidden()
        filled = self._fill(seen)
        both = torch.stack((filled.forward, filled.backward), dim=-4)
        one_batch = both.reshape(-1, *both.shape[-5:])
        arrived = self._arrived(one_batch, seen.hole.reshape(-1, *seen.hole.shape[-3:]))
        forward, backward = arrived.reshape(both.shape).unbind(-4)
        hole = seen.hole.unsqueeze(-3)
        return Completion(
            torch.where(hole, forward, seen.forward), torch.where(hole, backward, seen.backward)
        )

    def _arrived(self, filled: BothFlows, hole: Hole) -> BothFlows:
        early, early_trust = self._sweep(filled, hole)
        # Time reversed, the last frame comes first and backward is forward.
        reverse = self._sweep(filled.flip(1, 2), hole.flip(1))
        late, late_trust = (part.flip(1, 2) for part in reverse)
        fill_trust = GUESS * (1 - torch.maximum(early_trust, late_trust))
        parts = ((early, early_trust), (late, late_trust), (filled, fill_trust))
        total = early_trust + late_trust + fill_trust
        weighted = [flows * trust.unsqueeze(3) for flows, trust in parts]
        return torch.stack(weighted).sum(0) / total.unsqueeze(3)

    def _sweep(self, filled: BothFlows, hole: Hole) -> tuple[BothFlows, Trust]:
        """What arrives in the hole from earlier frames, and its trust, (B, T, 2, H, W)."""
        known = (~hole).to(filled.dtype).unsqueeze(2).expand(-1, -1, 2, -1, -1)
        flows, trust = [filled[:, 0]], [known[:, 0]]
        for t in range(1, filled.shape[1]):
            arriving, its_trust = self._push(flows[-1], trust[-1])
            new = hole[:, t, None] & (its_trust > 0)
            flows.append(torch.where(new.unsqueeze(2), arriving, filled[:, t]))
            trust.append(torch.where(new, its_trust, known[:, t]))
        return torch.stack(flows, dim=1), torch.stack(trust, dim=1)

    def _push(self, flows: Tensor, trust: Trust) -> tuple[Tensor, Trust]:
        """One frame's flows (B, 2, 2, H, W) in the next; the first direction points there."""
        along, against = flows.unbind(1)
        onward = 2 * along + against if self._acceleration else along
        exact = trust[:, 0]
        guess = GUESS * (trust.amin(1) if self._acceleration else exact)
        sent, its_trust = torch.stack((onward, -along), dim=1), torch.stack((guess, exact), dim=1)
        weight = its_trust * torch.exp(relative_speed(along, FASTEST))
        weighted = (sent * weight.unsqueeze(2)).flatten(1, 2)
        landed = splat(torch.cat((weighted, weight, its_trust), dim=1), along)
        sums, weights, arrived = landed.split((4, 2, 2), dim=1)
        means = sums.unflatten(1, (2, 2)) / weights.clamp(min=_NOTHING).unsqueeze(2)
        return means, arrived.clamp(max=1.0)
