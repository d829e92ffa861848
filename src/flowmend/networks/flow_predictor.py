"""From a filled clip to a predicted one: what every trunk is wrapped in."""

import torch
from torch import nn

from flowmend.networks.resnet import ResNet
from flowmend.networks.unet import UNet
from flowmend.types import BothFlows, Hole

# A typical flow length: inputs and outputs of the trunk are of order one.
FLOW_UNIT_PX = 2.0


class FlowPredictor(nn.Module):
    """All frames' filled flows and hole maps in, all frames' flows out (report, 2.1.4).

    Args:
        trunk: (B, 5 T, H, W) to (B, 4 T, H, W), with a ``last`` layer.
        residual: False predicts the flow itself, over the whole frame, as in the report; True
            adds a correction to the fill, inside the hole, which is zero at the start.
    """

    def __init__(self, trunk: UNet | ResNet, residual: bool) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.residual = residual
        if residual:
            nn.init.zeros_(trunk.last.weight)

    def forward(self, filled: BothFlows, hole: Hole) -> BothFlows:
        """Flow in px; (B, T, 2 directions [forward, backward], 2, H, W) in and out.

        Args:
            filled: true flow outside the hole, the initial fill inside.
            hole: bool (B, T, H, W).
        """
        channels = torch.cat([filled.flatten(1, 3) / FLOW_UNIT_PX, hole.to(filled.dtype)], dim=1)
        inputs = channels.contiguous(memory_format=torch.channels_last)
        predicted = FLOW_UNIT_PX * self.trunk(inputs).unflatten(1, filled.shape[1:4])
        return filled + hole[:, :, None, None] * predicted if self.residual else predicted
