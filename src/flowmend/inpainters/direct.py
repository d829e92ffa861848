"""A trained network behind the one protocol (report, section 2)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from flowmend.fills import Fill
from flowmend.types import Clip, Completion

EdgeFinder = Callable[[np.ndarray], np.ndarray]  # flow (2, H, W) -> bool (H, W)


class DirectInpainter:
    """Fills the hole, lets the network predict, and keeps what was known.

    Args:
        predictor: :class:`flowmend.networks.flow_predictor.FlowPredictor`, trained.
        fill: the initial fill that it was trained on.
        edges: finds the known edges, for a network that predicts edges, too.
        device: where it runs.
    """

    def __init__(
        self,
        predictor: nn.Module,
        fill: Fill,
        edges: EdgeFinder | None = None,
        device: str = "cpu",
    ) -> None:
        self._predictor = predictor.to(device).eval()
        self._fill, self._edges, self._device = fill, edges, device

    @torch.inference_mode()
    def __call__(self, clip: Clip) -> Completion:
        """Mend a clip, with or without a batch dimension."""
        seen = clip.hidden()
        truth = torch.stack([seen.forward, seen.backward], dim=-4)
        filled = torch.stack(
            [self._filled(seen.forward, seen), self._filled(seen.backward, seen)], -4
        )
        known = None if self._edges is None else self._known_edges(filled, seen.hole)
        single = truth.dim() == 5
        given = [part for part in (filled, seen.hole, known) if part is not None]
        batch = [(part[None] if single else part).to(self._device) for part in given]
        flows, edges = self._predictor(*batch)
        flows = (flows[0] if single else flows).to(truth)
        mended = torch.where(seen.hole[..., None, None, :, :], flows, truth)
        if edges is not None and known is not None:
            edges = torch.where(seen.hole, (edges[0] if single else edges).to(known), known)
        return Completion(mended.select(-4, 0), mended.select(-4, 1), edges=edges)

    def _filled(self, flow: Tensor, clip: Clip) -> Tensor:
        return torch.from_numpy(self._fill(flow.cpu().numpy(), clip.hole.cpu().numpy())).to(flow)

    def _known_edges(self, filled: Tensor, hole: Tensor) -> Tensor:
        """Edges of the filled forward flow outside the hole, float (…, T, H, W) of 0 and 1.

        Found on the filled flow, whose hole has no border of its own, and not on the true one,
        which must not be looked at.
        """
        assert self._edges is not None
        forward = filled.select(-4, 0).cpu().numpy()
        maps = [self._edges(flow) for flow in forward.reshape(-1, *forward.shape[-3:])]
        return torch.from_numpy(np.stack(maps)).view(hole.shape).to(filled) * ~hole
