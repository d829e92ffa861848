"""The baselines: fills, wrapped to the protocol that the networks obey, and transport."""

import torch
from torch import Tensor

from flowmend.fills import FILLS, Fill
from flowmend.inpainters.transport import Transport
from flowmend.types import Clip, Completion, Inpainter


class ClassicalInpainter:
    """Mends both flows of a clip with one fill.

    Args:
        fill: one of :data:`flowmend.fills.FILLS`.
    """

    def __init__(self, fill: Fill) -> None:
        self._fill = fill

    def __call__(self, clip: Clip) -> Completion:
        """Fill (*batch, T, 2, H, W) flows in the clip's own hole (*batch, T, H, W)."""
        seen = clip.hidden()
        return Completion(self._mend(seen.forward, seen.hole), self._mend(seen.backward, seen.hole))

    def _mend(self, flow: Tensor, hole: Tensor) -> Tensor:
        filled = self._fill(flow.detach().cpu().float().numpy(), hole.cpu().numpy())
        return torch.where(hole.unsqueeze(-3), torch.from_numpy(filled).to(flow), flow)


CLASSICAL: dict[str, Inpainter] = {name: ClassicalInpainter(fill) for name, fill in FILLS.items()}

BASELINES: dict[str, Inpainter] = {
    **CLASSICAL,
    "transport": Transport(CLASSICAL["biharmonic"], acceleration=False),
    "transport_acceleration": Transport(CLASSICAL["biharmonic"], acceleration=True),
}
FRAMEWISE = frozenset(FILLS) - {"temporal"}
"""Baselines that mend a frame from that frame alone."""
