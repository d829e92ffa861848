"""A trained network behind the one protocol (report, section 2)."""

import torch
from torch import Tensor, nn

from flowmend.fills import Fill
from flowmend.types import Clip, Completion


class DirectInpainter:
    """Fills the hole, lets the network predict, and keeps what was known.

    Args:
        predictor: :class:`flowmend.networks.flow_predictor.FlowPredictor`, trained.
        fill: the initial fill that it was trained on.
        device: where it runs.
    """

    def __init__(self, predictor: nn.Module, fill: Fill, device: str = "cpu") -> None:
        self._predictor = predictor.to(device).eval()
        self._fill = fill
        self._device = device

    @torch.inference_mode()
    def __call__(self, clip: Clip) -> Completion:
        """Mend a clip, with or without a batch dimension."""
        seen = clip.hidden()
        truth = torch.stack([seen.forward, seen.backward], dim=-4)
        filled = torch.stack(
            [self._filled(seen.forward, seen), self._filled(seen.backward, seen)], -4
        )
        single = truth.dim() == 5
        batch = (filled[None], seen.hole[None]) if single else (filled, seen.hole)
        predicted = self._predictor(*(part.to(self._device) for part in batch)).to(truth)
        predicted = predicted[0] if single else predicted
        mended = torch.where(seen.hole[..., None, None, :, :], predicted, truth)
        return Completion(mended.select(-4, 0), mended.select(-4, 1))

    def _filled(self, flow: Tensor, clip: Clip) -> Tensor:
        return torch.from_numpy(self._fill(flow.cpu().numpy(), clip.hole.cpu().numpy())).to(flow)
