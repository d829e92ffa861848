"""Partial convolution over several sources, each with a confidence of its own ([11]).

Maps as large as the features are read and written as seldom as can be around the convolution:
:mod:`flowmend.networks.sources`, :mod:`flowmend.networks.rescaling`.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import conv
from flowmend.networks.box_sum import box_sum
from flowmend.networks.rescaling import rescaled
from flowmend.networks.sources import Maps, Present, Sources, Trust, weighed

# Least part of the window that counts as known: the gradient grows as one over it.
LEAST_KNOWN = 1e-2


class PartialConv(nn.Module):
    """W (X M) sum(1) / sum(M) + b where sum(M) > 0, else 0 (report, 3.3.4; Liu et al. 2018).

    M repeats each source's confidence over its channels; it is 0 outside the frame and for sources
    that do not exist, while sum(1) counts every tap of every source. Known parts of a window under
    LEAST_KNOWN are taken for LEAST_KNOWN, or for a single whole tap if that is less.

    Args:
        channels: of each source.
        out_channels: of the output.
        rule: (N, S, H, W) confidences and (N, S) presence to the (N, 1, H, W) new confidence, one
            of :data:`flowmend.networks.confidence_rules.RULES`.
        size: of the window, odd, px.
    """

    def __init__(
        self, channels: Sequence[int], out_channels: int, rule: nn.Module, size: int = 3
    ) -> None:
        super().__init__()
        self.conv = conv(sum(channels), out_channels, size)
        self.rule = rule
        self.channels = tuple(channels)
        self.least = min(LEAST_KNOWN, min(channels) / (sum(channels) * size**2))
        self.counts: Tensor
        counts = torch.tensor(self.channels, dtype=torch.float32)
        self.register_buffer("counts", counts, persistent=False)

    def forward(
        self,
        features: Sources,
        confidence: Trust,
        present: Present,
        seen: Maps | None = None,
    ) -> tuple[Float[Tensor, "batch out height width"], Float[Tensor, "batch 1 height width"]]:
        """Features and confidence of the output.

        Args:
            features: of each source.
            confidence: of each source, in [0, 1].
            present: 1 for a source that exists, 0 for one that does not.
            seen: the features of existing sources times their confidence, where they are at hand.
        """
        known = confidence * present[..., None, None]
        seen = weighed(features, known) if seen is None else seen
        share = self._known_share(confidence, present)
        anything = (share.detach() > 0).to(share.dtype)
        scale = anything / share.clamp(min=self.least)
        convolved = functional.conv2d(seen, self.conv.weight, padding=self.conv.padding)
        bias = torch.as_tensor(self.conv.bias)
        return rescaled(convolved, scale, anything, bias), self.rule(confidence, present)

    def _known_share(
        self, confidence: Trust, present: Present
    ) -> Float[Tensor, "batch 1 height width"]:
        """sum(M) / sum(1)."""
        size = self.conv.kernel_size[0]
        total = box_sum(confidence, present * self.counts, size)
        return total / (sum(self.channels) * size**2)
