"""The warping module: each feature beside a translated copy of itself (report, 2.5.2, Fig. 10).

The translations' part of a spatial transformer ([8]), one for each channel.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from flowmend.geometry.warp import warp
from flowmend.networks.blocks import SLOPE, conv, pad_to_multiple

CELL_PX = 4


def translate(
    features: Float[Tensor, "batch channels height width"],
    translations: Float[Tensor, "batch channels 2"],
) -> Float[Tensor, "batch channels height width"]:
    """Look each channel up at its own offset, ``a(x + d)``: bilinear, clamped to the border.

    Args:
        features: any maps.
        translations: d as (x, y), px of the grid of ``features``.
    """
    # Half precision knows positions of a large map to a whole pixel only.
    precise = torch.promote_types(translations.dtype, torch.float32)
    offsets = translations.to(precise).flatten(0, 1)[..., None, None]
    maps = features.to(precise).flatten(0, 1).unsqueeze(1)
    moved, _ = warp(maps, offsets.expand(-1, -1, *features.shape[-2:]))
    return moved.to(features.dtype).reshape(features.shape)


class WarpingModule(nn.Module):
    """Features and their copy, moved as a strided convolution + fully connected branch says.

    The copy is an unmoved one at the start. The branch keeps the strongest response of the whole
    map before its fully connected layer, so that it takes any size and answers a small window and
    the frame around it alike.

    Args:
        in_channels: of the inputs that the branch looks at.
        channels: of the features.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.first = conv(in_channels, channels, size=CELL_PX, stride=CELL_PX)
        self.second = conv(channels, 2 * channels, stride=2)
        self.linear = nn.Linear(2 * channels, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def translations(
        self, inputs: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch channels 2"]:
        """Offset (x, y) of each channel, px of the features' grid."""
        cells = functional.leaky_relu(self.first(pad_to_multiple(inputs, CELL_PX)), SLOPE)
        strongest = functional.leaky_relu(self.second(cells), SLOPE).amax(dim=(-2, -1))
        return self.linear(strongest).unflatten(1, (-1, 2))

    def forward(
        self,
        inputs: Float[Tensor, "batch inputs height width"],
        features: Float[Tensor, "batch channels h w"],
    ) -> Float[Tensor, "batch twice_channels h w"]:
        """(B, in, H, W) and (B, C, h, w) to (B, 2 C, h, w): the features, then the copy."""
        moved = translate(features, self.translations(inputs))
        return torch.cat([features, moved.contiguous(memory_format=torch.channels_last)], dim=1)
