"""The warping toy: move a pattern by a given flow (claims C9 and C10)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from flowmend.datasets.moving_patterns import draw_motions, render
from flowmend.training.ahead import one_ahead
from flowmend.types import Flow


@dataclass(frozen=True)
class PatternBatch:
    """B patterns before and after their motion, as in :mod:`flowmend.datasets.moving_patterns`.

    Attributes:
        before, after: (B, 1, H, W).
        flow: forward flow of ``before``, (B, 2, H, W), px.
        told: bool (B, 1, H, W), where ``after`` follows from the rest.
    """

    before: Tensor
    flow: Flow
    after: Tensor
    told: Tensor

    def to(self, device: torch.device | str) -> "PatternBatch":
        """The batch on another device."""
        maps = (self.before, self.flow, self.after, self.told)
        return PatternBatch(*(each.to(device) for each in maps))


class MovingPatterns:
    """New patterns at each step; in one half of them everything moves, in the other an object.

    Args:
        size: B.
        seed: of everything that is drawn.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed

    def __getitem__(self, step: int) -> PatternBatch:
        """The batch of one training step."""
        generator = np.random.default_rng([self._seed, step])
        drawn = render(draw_motions(generator, np.arange(self._size) % 2 == 0))
        maps = (drawn.before, drawn.flow, drawn.after, drawn.told)
        return PatternBatch(*(torch.from_numpy(each) for each in maps))

    def between(self, first: int, last: int) -> Iterator[PatternBatch]:
        """Batches of the steps ``first`` to ``last`` − 1; a thread makes one ahead."""
        return one_ahead(self.__getitem__, first, last)

    def predict(self, model: nn.Module, batch: PatternBatch) -> Tensor:
        """The moved patterns as the network draws them, (B, 1, H, W)."""
        moved: Tensor = model(batch.before, batch.flow)
        return moved

    def terms(self, prediction: Tensor, batch: PatternBatch) -> dict[str, Tensor]:
        """``l1``: mean absolute error where the input tells what is to be seen."""
        error = (prediction - batch.after).abs() * batch.told
        return {"l1": error.sum() / batch.told.sum()}
