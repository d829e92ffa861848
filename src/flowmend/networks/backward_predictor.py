"""From a forward flow to the backward flow of the next frame (report, 2.2.3)."""

import torch
from torch import nn

from flowmend.networks.flow_predictor import FLOW_UNIT_PX
from flowmend.networks.resnet import ResNet
from flowmend.networks.unet import UNet
from flowmend.types import Flow


class BackwardPredictor(nn.Module):
    """Predicts b_{t+1} from f_t alone: the network has to move the shapes and turn the signs.

    Args:
        trunk: (B, 2, H, W) to (B, 2, H, W).
    """

    def __init__(self, trunk: UNet | ResNet) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, forward_flow: Flow) -> Flow:
        """Forward flow of frame t to backward flow of frame t+1, (B, 2, H, W), px."""
        inputs = forward_flow.contiguous(memory_format=torch.channels_last) / FLOW_UNIT_PX
        predicted: Flow = FLOW_UNIT_PX * self.trunk(inputs)
        return predicted
