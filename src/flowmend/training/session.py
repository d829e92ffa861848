"""What every training loop shares: budget, progress, curves, and being cut off and taken up."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from flowmend.io.progress import tracked
from flowmend.training.checkpoint import Checkpoint

WARM_UP = 0.1  # share of the steps
SAVE_EVERY_S = 20.0

Row = dict[str, float]
Batch = TypeVar("Batch")


class Stateful(Protocol):
    """A network or an optimiser."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


@dataclass(frozen=True)
class Budget:
    """How long and how fast.

    Attributes:
        steps: optimiser steps.
        learning_rate: at its peak; it rises over the first tenth and falls to zero as a cosine.
    """

    steps: int
    learning_rate: float

    def rate(self, step: int) -> float:
        """Learning rate of one step."""
        done = (step + 1) / self.steps
        if done <= WARM_UP:
            return self.learning_rate * done / WARM_UP
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


class Session:
    """One training, from the step where an earlier run of it was cut off.

    Args:
        budget: steps and learning rate.
        checkpoint: where an interrupted run is kept.
        title: of the progress bar.
        on_step: called with each step's row, for a live mirror.

    Attributes:
        rows: one a step: step, loss, each term, learning_rate.
    """

    def __init__(
        self,
        budget: Budget,
        checkpoint: Checkpoint,
        title: str = "training",
        on_step: Callable[[int, Row], None] | None = None,
    ) -> None:
        self._budget, self._checkpoint = budget, checkpoint
        self._title, self._on_step = title, on_step
        self._parts: dict[str, Stateful] = {}
        self.rows: list[Row] = []

    def resume(self, **parts: Stateful) -> None:
        """Name all that a cut-off run must remember, and take it up where there is one.

        Parts must be on their device already: an optimiser's memory follows its parameters.
        """
        self._parts = parts
        state = self._checkpoint.load()
        if state is not None:
            self.rows = list(state["rows"])
            for name, part in parts.items():
                part.load_state_dict(state[name])

    def steps(
        self, between: Callable[[int, int], Iterator[Batch]], *optimizers: Optimizer
    ) -> Iterator[Batch]:
        """Batches of the steps that are left; the optimisers get each step's learning rate."""
        steps = range(len(self.rows), self._budget.steps)
        saved_at = time.monotonic()
        for step, batch in zip(tracked(steps, self._title), between(steps.start, steps.stop)):
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group["lr"] = self._budget.rate(step)
            yield batch
            if time.monotonic() - saved_at > SAVE_EVERY_S:
                self._save()
                saved_at = time.monotonic()
        self._save()

    def record(self, loss: Tensor, values: Mapping[str, Tensor | float]) -> None:
        """Put down a step: its loss, and all else that was measured on the way."""
        step = len(self.rows)
        numbers = {name: torch.as_tensor(value).item() for name, value in values.items()}
        rate = self._budget.rate(step)
        self.rows.append({"step": step, "loss": loss.item(), **numbers, "learning_rate": rate})
        if self._on_step:
            self._on_step(step, self.rows[-1])

    def _save(self) -> None:
        states = {name: part.state_dict() for name, part in self._parts.items()}
        self._checkpoint.save({**states, "rows": self.rows})


def weighted(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of a step's losses; terms without a weight are only watched."""
    total = sum(weight * terms[name] for name, weight in weights.items())
    assert isinstance(total, Tensor)
    return total
