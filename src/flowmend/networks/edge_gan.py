"""Completing the edges of one frame: conditional WGAN-GP ([3]; report, 2.6.4)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.networks.blocks import SLOPE, conv
from flowmend.networks.unet import UNet

OneMap = Float[Tensor, "batch 1 height width"]


class EdgeGenerator(nn.Module):
    """A U-Net that draws edges into the hole, led by the edges around it and by noise.

    Args:
        width: of the U-Net.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.trunk = UNet(3, 1, width)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, edges: OneMap, hole: OneMap, noise: OneMap) -> OneMap:
        """Edges in [0, 1]: the given ones outside the hole, drawn ones inside.

        Args:
            edges: 0 or 1; not looked at inside the hole.
            hole: 1 where edges must be invented.
            noise: standard normal.
        """
        known = edges * (1 - hole)
        inputs = torch.cat([known, hole, noise], dim=1)
        drawn = self.trunk(inputs.contiguous(memory_format=torch.channels_last))
        return known + hole * drawn.sigmoid()


class EdgeCritic(nn.Module):
    """One score for a frame of edges, conditioned on hole and known edges.

    No normalisation across the batch: the gradient penalty is a matter of each sample (Gulrajani
    et al. 2017, section 4).

    Args:
        width: channels of the first layer, doubled at each of the two that follow.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(3, width, size=4, stride=2),
            nn.LeakyReLU(SLOPE, inplace=True),
            conv(width, 2 * width, size=4, stride=2),
            nn.LeakyReLU(SLOPE, inplace=True),
            conv(2 * width, 4 * width, size=4, stride=2),
            nn.LeakyReLU(SLOPE, inplace=True),
        )
        self.score = nn.Linear(4 * width, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, seen: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, " batch"]:
        """Scores, high for truth; ``seen`` is edges, hole, known edges; at least 8×8 px."""
        seen = seen.contiguous(memory_format=torch.channels_last)
        return self.score(self.layers(seen).mean(dim=(-2, -1))).squeeze(1)
