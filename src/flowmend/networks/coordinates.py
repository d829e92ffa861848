"""CoordConv: two more input channels that say where a pixel lies ([12]; report, 2.5.1).

The report discusses and rejects it as a way to learn warping; as an input of any trunk it lets that
rejection be tested.
"""

import torch
from jaxtyping import Float
from torch import Tensor

POSITION_CHANNELS = 2


def position_map(height: int, width: int) -> Float[Tensor, "2 height width"]:
    """Position of each pixel of a frame: channel 0 is x, channel 1 is y, float32.

    Both run from -1 in the first to 1 in the last column or row, whatever the frame's size; a
    window of the frame takes the same window of this map.
    """
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    return torch.stack((x, y))


def with_position(
    x: Float[Tensor, "batch channels height width"], position: Tensor | None
) -> Float[Tensor, "batch channels_and_2 height width"]:
    """The input of a trunk with its pixels' position behind its channels.

    Args:
        x: maps in any number of channels.
        position: (2, H, W) or (B, 2, H, W) in [-1, 1]; None where ``x`` is a whole frame.
    """
    batch, _, height, width = x.shape
    if position is None:
        position = position_map(height, width)
    return torch.cat([x, position.to(x).expand(batch, POSITION_CHANNELS, -1, -1)], dim=1)
