"""Parts that the trunks share."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1


def conv(channels_in: int, channels_out: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """Convolution that keeps the grid, or thins it by ``stride``; He initialisation, no bias."""
    padding = (size - stride + 1) // 2
    layer = nn.Conv2d(channels_in, channels_out, size, stride, padding)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE, nonlinearity="leaky_relu")
    nn.init.zeros_(torch.as_tensor(layer.bias))
    return layer


def conv_of_places(channels_in: int, channels_out: int, block: int) -> nn.Conv2d:
    """1×1 convolution to the ``block``² places of :func:`depth_to_space`, all alike at the start.

    Places that start apart leave a lattice in the picture that training does not remove (Aitken
    et al. 2017; docs/training.md).
    """
    layer = conv(channels_in, block**2 * channels_out, size=1)
    with torch.no_grad():
        layer.weight.copy_(layer.weight[:channels_out].repeat(block**2, 1, 1, 1))
    return layer


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))), the identity at the start (He et al. 2016).

    The unbroken sum is what lets a correction be learned at all here: most of it is zero, and
    plain stacks of convolutions, with or without normalisation, fall asleep (docs/training.md).

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv(width, width)
        self.second = conv(width, width)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W), same size."""
        inner = self.first(functional.leaky_relu(x, SLOPE))
        return x + self.second(functional.leaky_relu(inner, SLOPE, inplace=True))


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """(B, block² C, H, W) to (B, C, block H, block W), channels-last in memory.

    What ``pixel_shuffle`` does, with the channels in another order: the copies are then long
    ones, four times as fast.
    """
    size, _, height, width = x.shape
    rows = x.movedim(1, -1).reshape(size, height, width, block, -1).transpose(2, 3)
    return rows.reshape(size, block * height, block * width, -1).movedim(-1, 1)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Replicate the right and lower border until H and W are multiples of ``multiple``."""
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return functional.pad(x, (0, right, 0, below), mode="replicate") if below or right else x
