"""Refiners of every kind with weights that move something, and clips for them."""

import numpy as np
import torch
from torch import Tensor

from flowmend.networks.codec import Feature2Flow, Flow2Feature
from flowmend.networks.confidence_rules import RULES
from flowmend.networks.gated_conv import GatedConv
from flowmend.networks.partial_conv import PartialConv
from flowmend.networks.proposals import Proposing
from flowmend.networks.refinement import Refiner
from flowmend.networks.told import source_channels
from flowmend.networks.update import ARCHITECTURES

CHANNELS = 6


def refiner(
    rule: str = "power_mean",
    neighbours: str = "warped",
    architecture: int = 1,
    differences: bool = False,
    persistent: bool = False,
    gated: bool = False,
    proposals: bool = False,
    awake: float = 0.0,
) -> Refiner:
    """Of seed 0; ``awake`` is the size of random weights in what is silent at the start."""
    torch.manual_seed(0)

    def layer(channels, out):
        if gated:
            return GatedConv(channels, out)
        return PartialConv(channels, out, RULES[rule](len(channels)))

    design = Proposing if proposals else ARCHITECTURES[architecture]
    update = design(layer, source_channels(CHANNELS, differences, proposals), 8, CHANNELS)
    codec = Flow2Feature(CHANNELS), Feature2Flow(CHANNELS)
    network = Refiner(*codec, update, neighbours, differences, persistent, proposals)
    with torch.no_grad():
        for weights in network.parameters():
            if awake and not weights.any() and weights.dim():
                weights.normal_(std=awake)
    return network


def clip(
    batch: int, frames: int, height: int = 12, width: int = 14, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Random flow of about 1 px, (B, T, 2, 2, H, W), and one hole a clip, bool (B, T, H, W)."""
    rng = np.random.default_rng(seed)
    flows = rng.normal(size=(batch, frames, 2, 2, height, width)).astype(np.float32)
    hole = np.zeros((batch, frames, height, width), bool)
    for k in range(batch):
        hole[k, :, 3 : 8 + k % 2, 4:10] = True
    return torch.from_numpy(flows), torch.from_numpy(hole)
