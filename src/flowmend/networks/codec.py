"""Flow2Feature and Feature2Flow: flow as a feature vector a pixel, and back (report, 3.3.2)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.networks.blocks import ResidualBlock, conv
from flowmend.networks.flow_predictor import FLOW_UNIT_PX

FLOW_CHANNELS = 4  # forward x, y; backward x, y

FlowMaps = Float[Tensor, "images 4 height width"]
Features = Float[Tensor, "images channels height width"]


class Flow2Feature(nn.Module):
    """A 1×1 convolution, then a residual layer that looks around (report, Fig. 16 a).

    At the start the first four channels are the flow itself, so that decoding gives it back: the
    refinement then begins at the initial fill (docs/training.md).

    Args:
        channels: of the features, more than 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.entry = conv(FLOW_CHANNELS, channels, size=1)
        self.residual = ResidualBlock(channels)
        with torch.no_grad():
            self.entry.weight[:FLOW_CHANNELS] = _identity()

    def forward(self, flows: FlowMaps) -> Features:
        """Forward and backward flow, px, to features of order one."""
        return self.residual(self.entry(flows / FLOW_UNIT_PX))


class Feature2Flow(nn.Module):
    """The counterpart: a residual layer, then a 1×1 convolution (report, Fig. 16 a).

    At the start it reads the flow off the first four channels.

    Args:
        channels: of the features, more than 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = ResidualBlock(channels)
        self.exit = conv(channels, FLOW_CHANNELS, size=1)
        with torch.no_grad():
            self.exit.weight.zero_()
            self.exit.weight[:, :FLOW_CHANNELS] = _identity()

    def forward(self, features: Features) -> FlowMaps:
        """Features to forward and backward flow, px."""
        return FLOW_UNIT_PX * self.exit(self.residual(features))


def _identity() -> Tensor:
    return torch.eye(FLOW_CHANNELS)[..., None, None]
