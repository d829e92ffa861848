"""What FlowNet's networks share: a contracting part and a refinement of flow, coarse to fine.

Names of layers are those of the published checkpoints (``conv3_1``, ``deconv5``,
``upsampled_flow6_to_5`` …). The number is the level: a map of level n has 1/2ⁿ of the frame's side.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from flowmend.estimators.flownet2.precision import outside_autocast

SLOPE = 0.1

Layer = tuple[int, int, int, int]
"""Input channels, output channels, kernel size, stride."""

DEEP_LAYERS: dict[str, Layer] = {
    "conv4": (256, 512, 3, 2),
    "conv4_1": (512, 512, 3, 1),
    "conv5": (512, 512, 3, 2),
    "conv5_1": (512, 512, 3, 1),
    "conv6": (512, 1024, 3, 2),
    "conv6_1": (1024, 1024, 3, 1),
}
"""From a level-3 map of 256 channels down to level 6."""

DEEP_LEVELS: dict[int, tuple[int, int]] = {
    5: (512, 512),
    4: (512, 256),
    3: (256, 128),
    2: (128, 64),
}
"""Refinement from level 6 to 2: channels of the contracting part's map, and upsampled ones."""


class FlowHead(nn.Conv2d):
    """Flow from features, (B, C, H, W) -> (B, 2, H, W), in float32 under autocast too.

    bf16 would round flow beyond 128 px to whole pixels; two channels cost little.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve outside autocast."""
        with outside_autocast(features.device):
            return super().forward(features.to(self.weight.dtype))


class CoarseToFine(nn.Module):
    """Contracting layers by name, and flow refined from the coarsest level to the finest.

    At each level the coarser features and the coarser flow are upsampled by transposed
    convolutions and put beside the contracting part's map (FlowNet, section 3).

    Args:
        layers: contracting convolutions, by name.
        coarsest: level of the coarsest map.
        levels: see :data:`DEEP_LEVELS`; from coarse to fine.
        smoothed: whether a convolution without activation precedes each level's flow.
        flow_bias: whether the flow's upsampling has biases.
    """

    def __init__(
        self,
        layers: dict[str, Layer],
        coarsest: int,
        levels: dict[int, tuple[int, int]],
        *,
        smoothed: bool,
        flow_bias: bool = True,
    ) -> None:
        super().__init__()
        self.levels, self.smoothed = tuple(levels), smoothed
        for name, layer in layers.items():
            self.add_module(name, convolution(*layer))
        channels = layers[f"conv{coarsest}_1"][1]
        self.add_module(f"predict_flow{coarsest}", FlowHead(channels))
        for level, (skipped, upsampled) in levels.items():
            upsampling = nn.ConvTranspose2d(2, 2, 4, 2, 1, bias=flow_bias)
            self.add_module(f"upsampled_flow{level + 1}_to_{level}", upsampling)
            self.add_module(f"deconv{level}", transposed_convolution(channels, upsampled))
            channels = skipped + upsampled + 2
            if smoothed:
                plain = nn.Sequential(nn.Conv2d(channels, upsampled, 3, padding=1))
                self.add_module(f"inter_conv{level}", plain)
            self.add_module(f"predict_flow{level}", FlowHead(upsampled if smoothed else channels))

    def through(self, maps: Tensor, *names: str) -> Tensor:
        """One layer after the other."""
        for name in names:
            maps = self.get_submodule(name)(maps)
        return maps

    def deep(self, conv3: Tensor) -> list[Tensor]:
        """Maps of :data:`DEEP_LAYERS` above a level-3 map, levels 6, 5, 4 and 3."""
        conv4 = self.through(conv3, "conv4", "conv4_1")
        conv5 = self.through(conv4, "conv5", "conv5_1")
        return [self.through(conv5, "conv6", "conv6_1"), conv5, conv4, conv3]

    def refine(self, maps: Sequence[Tensor]) -> Float[Tensor, "batch 2 height width"]:
        """Flow of the finest map, from the contracting part's maps, coarsest first."""
        features, *finer = maps
        flow = self.through(features, f"predict_flow{self.levels[0] + 1}")
        for level, skipped in zip(self.levels, finer, strict=True):
            upsampled = self.through(features, f"deconv{level}")
            flow = self.through(flow, f"upsampled_flow{level + 1}_to_{level}")
            features = torch.cat((skipped, upsampled, flow), 1)
            smooth = self.through(features, f"inter_conv{level}") if self.smoothed else features
            flow = self.through(smooth, f"predict_flow{level}")
        return flow


def leaky(maps: Tensor) -> Tensor:
    """Leaky rectification in place."""
    return F.leaky_relu(maps, SLOPE, inplace=True)


def convolution(channels: int, out: int, size: int, stride: int) -> nn.Sequential:
    """Convolution, padded to keep the side, and leaky rectification."""
    conv = nn.Conv2d(channels, out, size, stride, padding=size // 2)
    return nn.Sequential(conv, nn.LeakyReLU(SLOPE, inplace=True))


def transposed_convolution(channels: int, out: int) -> nn.Sequential:
    """Transposed convolution that doubles the side, and leaky rectification."""
    conv = nn.ConvTranspose2d(channels, out, 4, 2, 1)
    return nn.Sequential(conv, nn.LeakyReLU(SLOPE, inplace=True))
