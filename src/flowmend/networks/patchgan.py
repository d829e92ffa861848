"""PatchGAN: a discriminator that judges overlapping patches ([7]; report, 2.2.7)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from flowmend.networks.blocks import SLOPE

KERNEL_PX = 4
STRIDES = (2, 2, 1)


class PatchGan(nn.Module):
    """Three convolutions of 4×4, one logit for each patch of 22×22 px, every 4 px.

    Isola et al. (2017) judge 70 px of a 256 px image; holes here are about as wide as a patch.
    Spectral in place of batch normalisation, through which the samples of a batch would see each
    other: the discriminator wins as clearly, but what it tells the generator is of more use
    (docs/training.md).

    Args:
        in_channels: what is judged, and the conditions it is judged by.
        width: channels of the first layer; the second has twice as many.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        channels = (in_channels, width, 2 * width, 1)
        layers: list[nn.Module] = []
        for entering, leaving, stride in zip(channels, channels[1:], STRIDES):
            layer = nn.Conv2d(entering, leaving, KERNEL_PX, stride, padding=1)
            nn.init.kaiming_normal_(layer.weight, a=SLOPE, nonlinearity="leaky_relu")
            layers += [spectral_norm(layer), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def receptive_field_px(self) -> int:
        """Side of the patch that one logit judges."""
        side = 1
        for stride in reversed(STRIDES):
            side = (side - 1) * stride + KERNEL_PX
        return side

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch 1 h w"]:
        """(B, C, H, W) to logits (B, 1, H/4 - 1, W/4 - 1), high for truth; at least 8×8 px."""
        return self.layers(x.contiguous(memory_format=torch.channels_last))
