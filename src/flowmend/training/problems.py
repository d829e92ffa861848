"""What a training loop needs to know of the task that it trains."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn


class Movable(Protocol):
    """A batch: anything that goes to a device as a whole."""

    def to(self, device: torch.device | str) -> Self: ...


class Problem(Protocol):
    """A task: its batches, what a network makes of one, and how that is judged.

    The same (seed, step) gives the same batch wherever a run was cut off.
    """

    def between(self, first: int, last: int) -> Iterator[Any]:
        """Batches (:class:`Movable`) of the steps ``first`` to ``last`` − 1."""
        ...

    def predict(self, model: nn.Module, batch: Any) -> Any:
        """What the network makes of a batch."""
        ...

    def terms(self, prediction: Any, batch: Any) -> Mapping[str, Tensor]:
        """Each loss by its name, a scalar, unweighted."""
        ...


class Contest(Problem, Protocol):
    """A problem whose predictions a discriminator judges, too."""

    def seen(self, prediction: Any, batch: Any) -> tuple[Tensor, Tensor]:
        """What the discriminator sees of the truth and of the prediction, (B, C, H, W) each."""
        ...
