"""Small networks and checkpoints of their shapes, in place of the published ones."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from flowmend.io import weights


class TinyFlow(nn.Module):
    """A flow network of a few numbers that looks at both frames of each pair."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(6, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 2, 1)

    def forward(self, pair: Tensor) -> Tensor:
        """(B, 3, 2, H, W) -> (B, 2, H, W)."""
        return self.second(self.first(pair.flatten(1, 2) / 255).relu())

    def both(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Of the pair and of the pair the other way round."""
        return self(pair), self(pair.flip(2))


def tensors_of(build: Callable[[], nn.Module]) -> dict[str, Tensor]:
    """Random tensors with the names and shapes of a network's."""
    torch.manual_seed(0)
    return {name: torch.randn(shape) / 10 for name, shape in weights.shapes_of(build).items()}


def keep(build: Callable[[], nn.Module], path: Path) -> dict[str, Tensor]:
    """Weights of a network where the pipeline looks for them, with their record."""
    tensors = tensors_of(build)
    weights.write_weights(path, tensors, {"network": path.stem, "source_sha256": "0"})
    return tensors
