"""U-Net (Ronneberger et al. 2015; report, 2.1.1)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import conv_pair, pad_to_multiple


class UNet(nn.Module):
    """Encoder and decoder with skip connections, on a grid of half the resolution.

    Space goes to channels and back at both ends (pixel unshuffle), which costs a quarter of a
    full-resolution U-Net of the same width and loses nothing.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        width: channels of the finest level, doubled at each coarser one.
        depth: number of poolings.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, depth: int = 2) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        inputs = [4 * in_channels, *widths]
        self.encoders = nn.ModuleList(conv_pair(i, o) for i, o in zip(inputs, widths))
        self.decoders = nn.ModuleList(
            conv_pair(widths[level] + widths[level + 1], widths[level]) for level in range(depth)
        )
        self.last = nn.Conv2d(width, 4 * out_channels, 1)
        self.multiple = 2 ** (depth + 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        height, width = x.shape[-2:]
        x = functional.pixel_unshuffle(pad_to_multiple(x, self.multiple), 2)
        skips = []
        for level, encoder in enumerate(self.encoders):
            x = encoder(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.decoders))):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.decoders[level](torch.cat([x, skips[level]], dim=1))
        return functional.pixel_shuffle(self.last(x), 2)[..., :height, :width]
