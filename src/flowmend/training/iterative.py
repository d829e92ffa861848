"""The iterative loop: Algorithm 1 of the report (3.3), with the schedules of 3.5."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from flowmend.networks.refinement import Refiner, State
from flowmend.networks.update import learned_rules, readings
from flowmend.schedules import Schedule
from flowmend.training.batches import Batch
from flowmend.training.muon import Muon
from flowmend.training.refining import Refining
from flowmend.training.session import Row, Session, weighted

_KERNEL_DIM = 4
_MAX_GRADIENT = 1.0  # the confidence's gradient grows as one over a window's known part


@dataclass(frozen=True)
class Plan:
    """How a refinement is unrolled and weighed.

    Attributes:
        schedule: μ of each refinement step at each training step.
        refinement_steps: t_max.
        s0_steps: s₀ of the schedule, training steps.
        per_step: True back-propagates after each refinement step and forgets the steps before,
            as in Algorithm 1; False through all steps at once.
    """

    schedule: Schedule
    refinement_steps: int
    s0_steps: float
    per_step: bool

    def weights(self, step: int) -> Tensor:
        """μ of the refinement steps, (t_max,)."""
        return self.schedule(step, self.refinement_steps, self.s0_steps)


def train(
    refiner: Refiner,
    problem: Refining,
    weights: Mapping[str, float],
    plan: Plan,
    session: Session,
    fabric: Fabric,
) -> list[Row]:
    """Train encoder, decoder and update together; take up an interrupted run.

    Args:
        refiner: trained in place.
        problem: batches and losses.
        weights: of the losses of a refinement step.
        plan: schedule and back-propagation.
        session: budget, curves and checkpoint.
        fabric: device and precision.

    Returns:
        one row a step: step, loss, decoder; of each refinement step each loss, its μ and the
        confidence in the hole; what the rules have learned; learning_rate (docs/tables.md).
    """
    muon, adam = _optimizers(refiner)
    model, *optimizers = fabric.setup(refiner, muon, adam)
    session.resume(network=refiner, muon=muon, adam=adam)
    for batch in session.steps(problem.between, *optimizers):
        batch = batch.to(fabric.device)
        shares = plan.weights(len(session.rows))
        model.zero_grad()
        loss, row = _refine(model, problem, weights, shares, plan.per_step, batch, fabric)
        for optimizer in optimizers:
            fabric.clip_gradients(model, optimizer, max_norm=_MAX_GRADIENT)
            optimizer.step()
        session.record(loss, {**row, **readings(refiner.update)})
    return session.rows


def _refine(
    model: Any,
    problem: Refining,
    weights: Mapping[str, float],
    shares: Tensor,
    per_step: bool,
    batch: Batch,
    fabric: Fabric,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The inner loop of Algorithm 1: gradients of one batch, its loss and what was measured."""
    with fabric.autocast():
        state = model.start(batch.filled, batch.hole)
    pending = problem.decoded(state, batch)
    row, loss = {"decoder": pending.detach()}, torch.zeros(())
    for t, share in enumerate(shares, 1):
        with fabric.autocast():
            state = model.step(state, batch.hole)
        terms = problem.terms(state, batch)
        pending = pending + share * weighted(terms, weights)
        if per_step or t == len(shares):
            fabric.backward(pending)
            loss, pending = loss + pending.detach().cpu(), torch.zeros_like(pending)
            state = state.detached()
        row |= {f"{name}_{t}": term.detach() for name, term in terms.items()}
        row |= {f"mu_{t}": share, f"confidence_{t}": _coverage(state, batch)}
    return loss, row


def _coverage(state: State, batch: Batch) -> Tensor:
    """Mean confidence in the hole."""
    inside = torch.where(batch.hole, state.confidence.detach(), 0.0)
    return inside.sum() / batch.hole.sum().clamp(min=1)


def _optimizers(refiner: nn.Module) -> tuple[Muon, torch.optim.Adam]:
    """Muon for kernels, Adam for biases; what the rules learn has a group of its own."""
    rules = learned_rules(refiner)
    others = [p for p in refiner.parameters() if all(p is not rule for rule in rules)]
    kernels = [p for p in others if p.dim() == _KERNEL_DIM]
    rest = [p for p in others if p.dim() != _KERNEL_DIM]
    groups = [{"params": rest}, *([{"params": rules}] if rules else [])]
    return Muon(kernels), torch.optim.Adam(groups, fused=True)
