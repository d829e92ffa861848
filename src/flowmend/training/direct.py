"""The direct loop: one network pass mends the whole clip (report, section 2)."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric

from flowmend.io.progress import tracked
from flowmend.losses import LOSSES
from flowmend.networks.flow_predictor import FlowPredictor
from flowmend.training.batches import Batches
from flowmend.training.checkpoint import Checkpoint

WARM_UP = 0.1  # share of the steps
SAVE_EVERY_S = 20.0

Row = dict[str, float]


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


def train(
    predictor: FlowPredictor,
    batches: Batches,
    weights: Mapping[str, float],
    budget: Budget,
    fabric: Fabric,
    checkpoint: Checkpoint,
    title: str = "training",
    on_step: Callable[[int, Row], None] | None = None,
) -> list[Row]:
    """Minimise the weighted losses over whole windows; take up an interrupted run.

    Args:
        predictor: trained in place.
        batches: by step.
        weights: of the losses, by name in :data:`flowmend.losses.LOSSES`.
        budget: steps and learning rate.
        fabric: device and precision.
        checkpoint: where an interrupted run is kept.
        title: of the progress bar.
        on_step: called with each step's row, for a live mirror.

    Returns:
        one row a step: step, loss, each unweighted term (px), learning_rate.
    """
    optimizer = torch.optim.Adam(predictor.parameters(), budget.learning_rate, fused=True)
    rows = _resume(checkpoint, predictor, optimizer)
    model, optimizer = fabric.setup(predictor, optimizer)
    saved_at = time.monotonic()
    steps = range(len(rows), budget.steps)
    for step, batch in zip(tracked(steps, title), batches.between(steps.start, steps.stop)):
        for group in optimizer.param_groups:
            group["lr"] = budget.rate(step)
        batch = batch.to(fabric.device)
        predicted = model(batch.filled, batch.hole)
        terms = {name: LOSSES[name](predicted, batch.truth, batches.hidden) for name in weights}
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        rows.append(_row(step, loss, terms, budget.rate(step)))
        if on_step:
            on_step(step, rows[-1])
        if time.monotonic() - saved_at > SAVE_EVERY_S:
            _save(checkpoint, predictor, optimizer, rows)
            saved_at = time.monotonic()
    _save(checkpoint, predictor, optimizer, rows)
    return rows


def _row(step: int, loss: torch.Tensor, terms: Mapping[str, torch.Tensor], rate: float) -> Row:
    values = {name: term.item() for name, term in terms.items()}
    return {"step": step, "loss": loss.item(), **values, "learning_rate": rate}


def _save(
    checkpoint: Checkpoint,
    predictor: FlowPredictor,
    optimizer: torch.optim.Optimizer,
    rows: list[Row],
) -> None:
    checkpoint.save(
        {"predictor": predictor.state_dict(), "optimizer": optimizer.state_dict(), "rows": rows}
    )


def _resume(
    checkpoint: Checkpoint, predictor: FlowPredictor, optimizer: torch.optim.Optimizer
) -> list[Row]:
    state = checkpoint.load()
    if state is None:
        return []
    predictor.load_state_dict(state["predictor"])
    optimizer.load_state_dict(state["optimizer"])
    return list(state["rows"])
