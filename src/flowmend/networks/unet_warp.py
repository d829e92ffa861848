"""U-Net behind a warping module (report, 2.5.2, Figs. 10 and 11)."""

from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import SLOPE, conv
from flowmend.networks.unet import UNet
from flowmend.networks.warping import WarpingModule


class UNetWarp(nn.Module):
    """Features of the input, each beside a translated copy of itself, in place of the input.

    The U-Net is that of :class:`flowmend.networks.unet.UNet`.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        width: of the U-Net, and number of features, at full resolution.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__()
        self.features = conv(in_channels, width)
        self.warping = WarpingModule(in_channels, width)
        self.unet = UNet(2 * width, out_channels, width)

    @property
    def last(self) -> nn.Conv2d:
        """The layer that predicts."""
        return self.unet.last

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        features = functional.leaky_relu(self.features(x), SLOPE)
        return self.unet(self.warping(x, features))
