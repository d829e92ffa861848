"""From a pattern and a flow to the moved pattern: the warping toy (claims C9 and C10)."""

import torch
from torch import Tensor, nn

from flowmend.networks.coordinates import with_position
from flowmend.types import Flow

# A long way for a pattern of the toy: inputs of the trunk are of order one.
LENGTH_UNIT_PX = 4.0


class PatternMover(nn.Module):
    """Sees a pattern and where each of its pixels goes; draws the pattern after the motion.

    Args:
        trunk: (B, 3, H, W) to (B, 1, H, W), or (B, 5, H, W) with coordinates: a U-Net, with or
            without a warping module (report, 2.5.2), or a ResNet.
        coordinates: give the trunk each pixel's position too (CoordConv; report, 2.5.1).
    """

    def __init__(self, trunk: nn.Module, coordinates: bool) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.coordinates = coordinates

    def forward(self, pattern: Tensor, flow: Flow, position: Tensor | None = None) -> Tensor:
        """The pattern one frame later.

        Args:
            pattern: (B, 1, H, W).
            flow: forward flow of its pixels, (B, 2, H, W), px.
            position: (2, H, W) or (B, 2, H, W) in [-1, 1]; of the whole picture where None.

        Returns:
            (B, 1, H, W).
        """
        inputs = torch.cat([pattern, flow / LENGTH_UNIT_PX], dim=1)
        if self.coordinates:
            inputs = with_position(inputs, position)
        moved: Tensor = self.trunk(inputs.contiguous(memory_format=torch.channels_last))
        return moved
