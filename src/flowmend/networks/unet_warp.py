"""U-Net with a warping module (report, 2.5.2, Figs. 10 and 11)."""

from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import SLOPE, ResidualBlock, conv
from flowmend.networks.unet import UNet
from flowmend.networks.warping import WarpingModule


class UNetWarp(UNet):
    """A U-Net whose rest sees, beside its first features, a translated copy of each of them.

    The features are those of the first convolution, at half the resolution: translations are in
    px of that grid. At width 16 it has an eighth more parameters than the U-Net and takes a third
    more time (at full resolution it would be twice the time).

    Args:
        in_channels: of the input.
        out_channels: of the output.
        width: of the U-Net, and the number of features.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__(in_channels, out_channels, width)
        self.encoders[0] = WarpedLevel(in_channels, width)


class WarpedLevel(nn.Module):
    """The U-Net's first level with a warping module behind its strided convolution (Fig. 10).

    Args:
        in_channels: of the input, which the warping module looks at, too.
        width: channels of the features and of the output.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.features = conv(in_channels, width, size=4, stride=2)
        self.warping = WarpingModule(in_channels, width)
        self.merge = conv(2 * width, width)
        self.block = ResidualBlock(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, width, H/2, W/2)."""
        features = functional.leaky_relu(self.features(x), SLOPE)
        return self.block(self.merge(self.warping(x, features)))
