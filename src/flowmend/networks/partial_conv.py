"""Partial convolution over several sources, each with a confidence of its own ([11])."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from flowmend.networks.blocks import conv

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
        self.register_buffer("counts", counts[:, None, None], persistent=False)

    def forward(
        self,
        features: Sequence[Float[Tensor, "batch _ height width"]],
        confidence: Float[Tensor, "batch sources height width"],
        present: Float[Tensor, "batch sources"],
    ) -> tuple[Float[Tensor, "batch out height width"], Float[Tensor, "batch 1 height width"]]:
        """Features and confidence of the output.

        Args:
            features: of each source.
            confidence: of each source, in [0, 1].
            present: 1 for a source that exists, 0 for one that does not.
        """
        known = confidence * present[..., None, None]
        weighed = torch.cat([f * known[:, i : i + 1] for i, f in enumerate(features)], dim=1)
        share = self._known_share(known)
        bias = torch.as_tensor(self.conv.bias)[:, None, None]
        out = functional.conv2d(weighed, self.conv.weight, padding=self.conv.padding)
        out = (out / share.clamp(min=self.least) + bias) * (share > 0)
        return out, self.rule(confidence, present)

    def _known_share(
        self, known: Float[Tensor, "batch sources height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        """sum(M) / sum(1): the channels' mean first, so that one map is pooled."""
        total = (known * self.counts).sum(dim=1, keepdim=True) / sum(self.channels)
        size = self.conv.kernel_size[0]
        return functional.avg_pool2d(total, size, stride=1, padding=size // 2)
