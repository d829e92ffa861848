"""The four kinds of network FlowNet2 is stacked from (Ilg et al., sections 3 to 5).

Each gives flow at a quarter of the frame's side and in units of :data:`DIV_FLOW` px, except the
fusion, whose flow has the frame's side and is in px.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from flowmend.estimators.flownet2.coarse_to_fine import (
    DEEP_LAYERS,
    DEEP_LEVELS,
    CoarseToFine,
    Layer,
    convolution,
    leaky,
)
from flowmend.estimators.flownet2.correlation import DISPLACEMENTS, correlation

DIV_FLOW = 20.0
"""The networks were trained to give flow divided by this, px."""

REDIRECTED = 32
FUSION_INPUTS, STACKED_INPUTS, PAIR_INPUTS = 11, 12, 6

_SMALL_KERNELS: dict[str, Layer] = {
    "conv1": (64, 64, 3, 2),
    "conv1_1": (64, 128, 3, 1),
    "conv2": (128, 128, 3, 2),
    "conv2_1": (128, 128, 3, 1),
}

Coarse = Float[Tensor, "batch 2 height/4 width/4"]


class FlowNetS(CoarseToFine):
    """FlowNetSimple: all inputs stacked.

    Args:
        channels: of the input: 6 for two frames, 12 in a stack of networks.
    """

    def __init__(self, channels: int) -> None:
        layers = {
            "conv1": (channels, 64, 7, 2),
            "conv2": (64, 128, 5, 2),
            "conv3": (128, 256, 5, 2),
            "conv3_1": (256, 256, 3, 1),
        }
        super().__init__(layers | DEEP_LAYERS, 6, DEEP_LEVELS, smoothed=False, flow_bias=False)

    def coarse_flow(self, inputs: Float[Tensor, "batch channels height width"]) -> Coarse:
        """Flow / 20 at a quarter of the side, a multiple of 64."""
        conv2 = self.through(inputs, "conv1", "conv2")
        return self.refine([*self.deep(self.through(conv2, "conv3", "conv3_1")), conv2])


class FlowNetC(CoarseToFine):
    """FlowNetCorr: features of each frame by the same tower, then compared."""

    def __init__(self) -> None:
        layers = {
            "conv1": (3, 64, 7, 2),
            "conv2": (64, 128, 5, 2),
            "conv3": (128, 256, 5, 2),
            "conv3_1": (REDIRECTED + DISPLACEMENTS, 256, 3, 1),
        }
        super().__init__(layers | DEEP_LAYERS, 6, DEEP_LEVELS, smoothed=False)
        self.conv_redir = convolution(256, REDIRECTED, 1, 1)

    def coarse_flow(
        self, frames: Float[Tensor, "2*batch 3 height width"], directions: int
    ) -> Coarse:
        """Flow / 20 at a quarter of the side, of one direction or of both (:func:`paired`).

        The tower sees each frame once, for both directions too.
        """
        conv2 = self.through(frames, "conv1", "conv2")
        first, second = paired(self.through(conv2, "conv3"), directions)
        compared = torch.cat((self.conv_redir(first), leaky(correlation(first, second))), 1)
        conv3 = self.through(compared, "conv3_1")
        return self.refine([*self.deep(conv3), conv2[: len(first)]])


class FlowNetSD(CoarseToFine):
    """FlowNet2-SD, for small displacements: small kernels, and flow smoothed at each level."""

    def __init__(self) -> None:
        layers = {
            "conv0": (PAIR_INPUTS, 64, 3, 1),
            **_SMALL_KERNELS,
            "conv3": (128, 256, 3, 2),
            "conv3_1": (256, 256, 3, 1),
        }
        super().__init__(layers | DEEP_LAYERS, 6, DEEP_LEVELS, smoothed=True)

    def coarse_flow(self, inputs: Float[Tensor, "batch 6 height width"]) -> Coarse:
        """Flow / 20 at a quarter of the side, a multiple of 64."""
        conv2 = self.through(inputs, "conv0", "conv1", "conv1_1", "conv2", "conv2_1")
        return self.refine([*self.deep(self.through(conv2, "conv3", "conv3_1")), conv2])


class FlowNetFusion(CoarseToFine):
    """Joins the flow of large and of small displacements at full resolution."""

    def __init__(self) -> None:
        layers = {"conv0": (FUSION_INPUTS, 64, 3, 1), **_SMALL_KERNELS}
        super().__init__(layers, 2, {1: (128, 32), 0: (64, 16)}, smoothed=True)

    def forward(
        self, inputs: Float[Tensor, "batch 11 height width"]
    ) -> Float[Tensor, "batch 2 height width"]:
        """Flow at the inputs' size, px."""
        conv0 = self.through(inputs, "conv0")
        conv1 = self.through(conv0, "conv1", "conv1_1")
        return self.refine([self.through(conv1, "conv2", "conv2_1"), conv1, conv0])


def paired(frames: Tensor, directions: int) -> tuple[Tensor, Tensor]:
    """First and second of each pair, from all first frames followed by all second ones.

    Args:
        frames: (2B, …).
        directions: 1: B pairs. 2: 2B pairs, those of the opposite direction after the others.
    """
    half = len(frames) // 2
    if directions == 1:
        return frames[:half], frames[half:]
    return frames, frames.roll(half, 0)
