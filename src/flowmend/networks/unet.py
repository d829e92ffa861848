"""U-Net (Ronneberger et al. 2015; report, 2.1.1)."""

import torch
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


class UNet(nn.Module):
    """Encoder and decoder with skip connections; a residual block at each level of either.

    The finest level has half the resolution, which costs a quarter of a full-resolution U-Net of
    the same width; the last layer predicts 2×2 pixels at each place.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        width: channels of the finest level, doubled at each coarser one.
        depth: number of coarser levels.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, depth: int = 2) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.encoders = nn.ModuleList([_level(in_channels, width, size=4, stride=2)])
        self.encoders.extend(_level(fine, 2 * fine, stride=2) for fine in widths[:-1])
        self.decoders = nn.ModuleList(_merge(fine) for fine in widths[:-1])
        self.last = conv_of_places(width, out_channels, block=2)
        self.multiple = 2 ** (depth + 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        height, width = x.shape[-2:]
        x = pad_to_multiple(x, self.multiple)
        skips = []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
        for decoder, skip in zip(reversed(self.decoders), reversed(skips[:-1])):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = decoder(torch.cat([x, skip], dim=1))
        x = self.last(functional.leaky_relu(x, SLOPE))
        return depth_to_space(x, 2)[..., :height, :width]


def _merge(width: int) -> nn.Sequential:
    """A decoder's level. It starts deaf to the coarser one: learning wakes in half the steps."""
    entry = conv(3 * width, width, size=1)
    with torch.no_grad():
        entry.weight[:, : 2 * width] = 0.0
    return nn.Sequential(entry, ResidualBlock(width))


def _level(channels_in: int, width: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(conv(channels_in, width, size, stride), ResidualBlock(width))
