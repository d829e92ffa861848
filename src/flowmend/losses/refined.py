"""What the losses of a refinement step look at, and those losses by name (report, 3.4)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from flowmend.losses.consistency import min_round_trip
from flowmend.losses.inpainting import inpaint_l1
from flowmend.losses.smoothness import total_variation
from flowmend.types import BothFlows, Confidence, Hole


@dataclass(frozen=True)
class Refined:
    """A batch after one refinement step beside its truth.

    Frames without a hole, as the ends of the setup ``sandwich``, are known: round trips through
    them follow the truth.

    Attributes:
        flows: decoded after the step, (B, T, 2 directions [forward, backward], 2, H, W), px.
        true: same shape.
        hole: True where flow is invented, bool (B, T, H, W).
        confidence: after the step, (B, T, H, W) in [0, 1], for the weighted loss; or None.

    Raises:
        ValueError: shapes that do not belong together.
    """

    flows: BothFlows
    true: BothFlows
    hole: Hole
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        flow = self.flows.shape
        maps = flow[:2] + flow[-2:]
        for what, given, wanted in (
            ("true flow", self.true, flow),
            ("hole", self.hole, maps),
            ("confidence", self.confidence, maps),
        ):
            if given is not None and given.shape != wanted:
                shape = tuple(given.shape)
                raise ValueError(f"{what} {shape} cannot stand beside flows {tuple(flow)}")

    @cached_property
    def composited(self) -> BothFlows:
        """The decoded flow in the hole, the truth outside it."""
        return torch.where(self.hole[:, :, None, None], self.flows, self.true)


RefinementLoss = Callable[[Refined], Tensor]

REFINEMENT_LOSSES: dict[str, RefinementLoss] = {
    "inpaint_l1": lambda r: inpaint_l1(r.flows, r.true, r.hole, r.confidence),
    "min_round_trip": lambda r: min_round_trip(r.composited, r.hole),
    "total_variation": lambda r: total_variation(r.composited, r.true, r.hole, True),
    "prediction_total_variation": lambda r: total_variation(r.composited, r.true, r.hole, False),
}
