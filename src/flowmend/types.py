"""Shapes and the two records that every inpainter shares (docs/design.md, "narrow waist").

Flow is in pixels of the grid it lives on; channel 0 is x (columns, rightwards), channel 1 is y
(rows, downwards). A *hole* is True where flow must be invented, *known* is its complement, and a
*confidence* is 1 where trusted.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Flow = Float[Tensor, "*batch 2 height width"]
FlowSequence = Float[Tensor, "*batch frames 2 height width"]
BothFlows = Float[Tensor, "batch frames 2 2 height width"]  # frame, direction, component
Hole = Bool[Tensor, "*batch frames height width"]
ErrorMap = Float[Tensor, "*batch height width"]
Confidence = Float[Tensor, "*batch frames height width"]


@dataclass(frozen=True)
class Clip:
    """Consecutive flow fields and the hole in them; a leading batch dimension is allowed.

    Attributes:
        forward: flow from frame t to t+1, (*batch, T, 2, H, W), px. Values inside the hole are
            the truth when it is known (training, evaluation): an inpainter must not read them.
        backward: flow from frame t to t-1, same shape.
        hole: True where flow must be invented, (*batch, T, H, W).
        name: for messages and tables.
    """

    forward: Tensor
    backward: Tensor
    hole: Tensor
    name: str = ""

    def hidden(self) -> "Clip":
        """The same clip with the flow inside the hole set to zero: what an inpainter may see."""
        keep = ~self.hole.unsqueeze(-3)
        zero = torch.zeros((), dtype=self.forward.dtype)
        return Clip(
            torch.where(keep, self.forward, zero.to(self.forward.device)),
            torch.where(keep, self.backward, zero.to(self.backward.device)),
            self.hole,
            self.name,
        )


@dataclass(frozen=True)
class Completion:
    """Mended flow: equal to the clip outside the hole, invented inside.

    Attributes:
        forward, backward: as in :class:`Clip`.
        confidence: (*batch, T, H, W) in [0, 1], or None where the method has none.
        edges: probability of a motion edge, (*batch, T, H, W) in [0, 1], known edges outside the
            hole; None where the method does not predict them.
    """

    forward: Tensor
    backward: Tensor
    confidence: Tensor | None = None
    edges: Tensor | None = None


class Inpainter(Protocol):
    """Anything that mends a clip. Implementations call ``clip.hidden()`` before they look."""

    def __call__(self, clip: Clip) -> Completion: ...
