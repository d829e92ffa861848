"""Residual network (He et al. 2015; report, 2.1.1: "our own take")."""

from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import SLOPE, conv, pad_to_multiple


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))); the identity at the start.

    Args:
        width: channels.
        dilation: of both convolutions, px of the block's grid.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = conv(width, width, dilation)
        self.second = conv(width, width, dilation)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W), same size."""
        inner = self.first(functional.leaky_relu(x, SLOPE))
        return x + self.second(functional.leaky_relu(inner, SLOPE))


class ResNet(nn.Module):
    """Residual blocks at half the resolution; dilations let it see past a hole.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        width: a U-Net of the same width has as many parameters, within a quarter: the blocks
            are twice as wide.
        dilations: one block each, px of the half-resolution grid.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        dilations: tuple[int, ...] = (1, 2, 4, 8, 4, 2),
    ) -> None:
        super().__init__()
        self.first = conv(4 * in_channels, 2 * width)
        self.blocks = nn.Sequential(*(ResidualBlock(2 * width, d) for d in dilations))
        self.last = nn.Conv2d(2 * width, 4 * out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        height, width = x.shape[-2:]
        x = self.first(functional.pixel_unshuffle(pad_to_multiple(x, 2), 2))
        x = self.last(functional.leaky_relu(self.blocks(x), SLOPE))
        return functional.pixel_shuffle(x, 2)[..., :height, :width]
