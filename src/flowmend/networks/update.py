"""Update: new features and confidence from a frame's own and its neighbours' (report, 3.3.3).

Both architectures are a set of two layers of partial convolutions (or of gated ones), and both
end as a correction of the frame's own features that is zero at the start: refinement then begins
as the identity.
"""

from collections.abc import Callable, Sequence

from torch import cat, nn
from torch.nn import functional

from flowmend.networks.blocks import SLOPE
from flowmend.networks.sources import Maps, Present, Sources, Trust

ConfidentConv = Callable[[Sequence[int], int], nn.Module]
"""From the channels of each source and the channels out to a layer that takes sources, their
confidences and which of them are present to features and a confidence."""


class Architecture1(nn.Module):
    """One partial convolution sees the three sources with their three confidences (Fig. 16 b).

    Args:
        layer: makes the convolutions.
        sources: channels of the frame's own features, and of what comes from either neighbour.
        width: channels between the two layers.
        channels: of the features.
    """

    def __init__(
        self, layer: ConfidentConv, sources: Sequence[int], width: int, channels: int
    ) -> None:
        super().__init__()
        self.first = layer(sources, width)
        self.second = silenced(layer([width], channels))

    def forward(self, sources: Sources, confidence: Trust, present: Present) -> tuple[Maps, Trust]:
        """Three sources to a correction (N, C, H, W) and its confidence (N, 1, H, W)."""
        inner, trust = self.first(sources, confidence, present)
        return self.second([functional.leaky_relu(inner, SLOPE)], trust, present[:, :1])


class Architecture2(nn.Module):
    """Each source goes through its own partial convolution before they are merged (Fig. 16 c).

    Arguments as for :class:`Architecture1`; each of the three gets a third of the width.
    """

    def __init__(
        self, layer: ConfidentConv, sources: Sequence[int], width: int, channels: int
    ) -> None:
        super().__init__()
        own = max(width // len(sources), 1)
        self.first = nn.ModuleList(layer([source], own) for source in sources)
        self.second = silenced(layer([own] * len(sources), channels))

    def forward(self, sources: Sources, confidence: Trust, present: Present) -> tuple[Maps, Trust]:
        """Three sources to a correction (N, C, H, W) and its confidence (N, 1, H, W)."""
        parts = [
            layer([source], confidence[:, k : k + 1], present[:, k : k + 1])
            for k, (layer, source) in enumerate(zip(self.first, sources))
        ]
        inner = [functional.leaky_relu(features, SLOPE) for features, _ in parts]
        trust = cat([trust for _, trust in parts], dim=1) * present[..., None, None]
        return self.second(inner, trust, present)


ARCHITECTURES: dict[int, type[Architecture1] | type[Architecture2]] = {
    1: Architecture1,
    2: Architecture2,
}


def silenced(layer: nn.Module) -> nn.Module:
    """The layer with all weights of its convolution zero: it says nothing at the start."""
    assert isinstance(layer.conv, nn.Conv2d)
    nn.init.zeros_(layer.conv.weight)
    return layer


def learned_rules(network: nn.Module) -> list[nn.Parameter]:
    """What the confidence rules of a network learn: p, a, b and the sources' weights."""
    rules = [module for module in network.modules() if hasattr(module, "readings")]
    return [parameter for rule in rules for parameter in rule.parameters()]


def readings(update: nn.Module) -> dict[str, float]:
    """What the rules have learned so far, by reading and place: ``p_first``, ``a_second``, ..."""
    found: dict[str, float] = {}
    for name, module in update.named_modules():
        if hasattr(module, "readings"):
            place = name.removesuffix(".rule").replace(".", "_")
            found |= {f"{reading}_{place}": value for reading, value in module.readings().items()}
    return found
