"""Parts that the trunks share."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1


def conv(channels_in: int, channels_out: int, dilation: int = 1) -> nn.Conv2d:
    """3×3 convolution that keeps the size; He initialisation, no bias at the start."""
    layer = nn.Conv2d(channels_in, channels_out, 3, padding=dilation, dilation=dilation)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE, nonlinearity="leaky_relu")
    nn.init.zeros_(torch.as_tensor(layer.bias))
    return layer


def conv_pair(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two convolutions, each followed by a leaky ReLU."""
    return nn.Sequential(
        conv(channels_in, channels_out),
        nn.LeakyReLU(SLOPE, inplace=True),
        conv(channels_out, channels_out),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Replicate the right and lower border until H and W are multiples of ``multiple``."""
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return functional.pad(x, (0, right, 0, below), mode="replicate") if below or right else x
