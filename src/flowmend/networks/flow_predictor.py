"""From a filled clip to a predicted one: what every trunk is wrapped in."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

# A typical flow length: inputs and outputs of the trunk are of order one.
FLOW_UNIT_PX = 2.0

BothFlows = Float[Tensor, "batch frames 2 2 height width"]


class FlowPredictor(nn.Module):
    """All frames' filled flows and hole maps in, all frames' flows out (report, 2.1.4).

    Args:
        trunk: (B, 5 T, H, W) to (B, 4 T, H, W), with a ``last`` layer.
        residual: False predicts the flow itself, over the whole frame, as in the report; True
            adds a correction to the fill, inside the hole, which is zero at the start.
    """

    def __init__(self, trunk: nn.Module, residual: bool) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)
        self.residual = residual
        if residual:
            nn.init.zeros_(trunk.last.weight)
            nn.init.zeros_(trunk.last.bias)

    def forward(
        self, filled: BothFlows, hole: Bool[Tensor, "batch frames height width"]
    ) -> BothFlows:
        """Flow in px; (B, T, 2 directions [forward, backward], 2, H, W) in and out."""
        channels = torch.cat([filled.flatten(1, 3) / FLOW_UNIT_PX, hole.to(filled.dtype)], dim=1)
        inputs = channels.contiguous(memory_format=torch.channels_last)
        predicted = FLOW_UNIT_PX * self.trunk(inputs).reshape(filled.shape)
        return filled + hole[:, :, None, None] * predicted if self.residual else predicted
