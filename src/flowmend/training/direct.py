"""The direct loop: one network pass a step, judged by losses alone (report, section 2)."""

from collections.abc import Mapping

import torch
from lightning_fabric import Fabric
from torch import nn

from flowmend.training.problems import Problem
from flowmend.training.session import Row, Session, weighted


def train(
    network: nn.Module,
    problem: Problem,
    weights: Mapping[str, float],
    session: Session,
    fabric: Fabric,
) -> list[Row]:
    """Minimise the weighted losses; take up an interrupted run.

    Args:
        network: trained in place.
        problem: batches, predictions and losses.
        weights: of the losses, by the problem's names.
        session: budget, curves and checkpoint.
        fabric: device and precision.

    Returns:
        one row a step: step, loss, each unweighted term, learning_rate.
    """
    adam = torch.optim.Adam(network.parameters(), fused=True)
    model, optimizer = fabric.setup(network, adam)
    session.resume(network=network, optimizer=adam)
    for batch in session.steps(problem.between, optimizer):
        batch = batch.to(fabric.device)
        terms = problem.terms(problem.predict(model, batch), batch)
        loss = weighted(terms, weights)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        session.record(loss, terms)
    return session.rows
