"""U-Net with a warping module (report, 2.5.2, Figs. 10 and 11)."""

from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import SLOPE, ResidualBlock, conv
from flowmend.networks.unet import UNet
from flowmend.networks.warping import WarpingModule


class UNetWarp(UNet):
    """A U-Net whose rest sees, beside its first features, a translated copy of each of them.

    The features are those of the first convolution, at half the resolution: translations are in
    px of that grid.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        width: of the U-Net, and the number of features.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__(in_channels, out_channels, width)
        self.encoders[0] = nn.Sequential(
            WarpedFeatures(in_channels, width), conv(2 * width, width), ResidualBlock(width)
        )


class WarpedFeatures(nn.Module):
    """Strided convolution, then a warping module that looks at the same input (Fig. 10).

    Args:
        in_channels: of the input.
        channels: of the features.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.features = conv(in_channels, channels, size=4, stride=2)
        self.warping = WarpingModule(in_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, 2 channels, H/2, W/2)."""
        return self.warping(x, functional.leaky_relu(self.features(x), SLOPE))
