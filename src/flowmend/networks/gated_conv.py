"""Gated convolution ([24]), which the report decided against (3.2.2; claim C21)."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from flowmend.networks.blocks import conv
from flowmend.networks.sources import Present, Sources, Trust, joined, weighed


class GatedConv(nn.Module):
    """Features times a gate that is learned from the features and the confidences (Yu et al. 2019).

    Takes a :class:`~flowmend.networks.partial_conv.PartialConv`'s place; its new confidence is the
    gate's mean over the channels.

    Args:
        channels: of each source.
        out_channels: of the output.
        size: of the window, odd, px.
    """

    def __init__(self, channels: Sequence[int], out_channels: int, size: int = 3) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.conv = conv(sum(channels) + len(channels), 2 * out_channels, size)

    def forward(
        self,
        features: Sources,
        confidence: Trust,
        present: Present,
    ) -> tuple[Float[Tensor, "batch out height width"], Float[Tensor, "batch 1 height width"]]:
        """Features and confidence of the output, the latter in [0, 1].

        Args:
            features: of each source.
            confidence: of each source, in [0, 1].
            present: 1 for a source that exists, 0 for one that does not: all zeros then.
        """
        exists = present[..., None, None]
        existing = weighed(features, exists.expand_as(confidence))
        out, gate = self.conv(joined([existing, confidence * exists])).chunk(2, dim=1)
        gate = gate.sigmoid()
        return out * gate, gate.mean(dim=1, keepdim=True)
