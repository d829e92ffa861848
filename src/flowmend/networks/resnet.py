"""Residual network (He et al. 2015; report, 2.1.1: "our own take")."""

from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import (
    SLOPE,
    ResidualBlock,
    conv,
    conv_of_places,
    depth_to_space,
    pad_to_multiple,
)

GRID_PX = 4


class ResNet(nn.Module):
    """Residual blocks at a quarter of the resolution, no skip past them.

    As in the residual networks for images of Johnson et al. (2016), but thinned in one step; the
    last layer predicts 4×4 pixels at each place.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        width: the blocks are twice as wide; with five of them, a U-Net of the same ``width`` has
            as many parameters and takes as long, both within a fifth.
        blocks: number of residual blocks.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, blocks: int = 5) -> None:
        super().__init__()
        self.first = conv(in_channels, 2 * width, size=2 * GRID_PX, stride=GRID_PX)
        self.blocks = nn.Sequential(*(ResidualBlock(2 * width) for _ in range(blocks)))
        self.last = conv_of_places(2 * width, out_channels, block=GRID_PX)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        height, width = x.shape[-2:]
        x = self.blocks(self.first(pad_to_multiple(x, GRID_PX)))
        x = self.last(functional.leaky_relu(x, SLOPE))
        return depth_to_space(x, GRID_PX)[..., :height, :width]
