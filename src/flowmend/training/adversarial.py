"""The adversarial loop: a discriminator learns to tell mended from true, the network to fool it.

PatchGAN (Isola et al. 2016; report, 2.2.7, 2.6.2) and WGAN-GP (Gulrajani et al. 2017; report,
2.6.4) differ in their losses, in how often the discriminator moves, and in the penalty on its
gradient; the loop is one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from flowmend.losses.adversarial import Adversary, gradient_penalty
from flowmend.training.problems import Contest
from flowmend.training.session import Row, Session, weighted

# Both papers' own; a critic without memory of older generators.
DISCRIMINATOR_BETAS, CRITIC_BETAS = (0.5, 0.999), (0.0, 0.9)


@dataclass(frozen=True)
class Opponent:
    """The other side of the contest.

    Attributes:
        name: of the generator's adversarial loss, as the weights know it.
        network: judges what :meth:`Contest.seen` shows it.
        adversary: both sides' losses.
        steps: of the discriminator for each step of the generator.
        seed: of the gradient penalty's mixtures.
    """

    name: str
    network: nn.Module
    adversary: Adversary
    steps: int
    seed: int

    def mixture(self, step: int, true: Tensor) -> Tensor:
        """Share of the truth in each sample that the penalty looks at, (B, 1, 1, 1)."""
        shares = np.random.default_rng([self.seed, step]).random((len(true), 1, 1, 1), np.float32)
        return torch.from_numpy(shares).to(true.device)

    def optimizer(self, network: nn.Module) -> Optimizer:
        """Adam for either side; the learning rate is the session's."""
        betas = CRITIC_BETAS if self.adversary.is_critic else DISCRIMINATOR_BETAS
        return torch.optim.Adam(network.parameters(), betas=betas, fused=True)


def train(
    network: nn.Module,
    problem: Contest,
    weights: Mapping[str, float],
    opponent: Opponent,
    session: Session,
    fabric: Fabric,
) -> list[Row]:
    """Both sides' steps in turn; take up an interrupted run.

    A session's step is one of the generator, after ``opponent.steps`` of the discriminator, each
    on a batch of its own, the last of which is the generator's, too.

    Args:
        network: the generator, trained in place.
        problem: batches, predictions, losses and what the discriminator sees.
        weights: of the losses; that of ``opponent.name`` belongs to the adversarial one.
        opponent: the discriminator, trained in place.
        session: budget, curves and checkpoint.
        fabric: device and precision.

    Returns:
        one row a step: those of the direct loop and the balance of the contest (docs/tables.md).
    """
    adams = [opponent.optimizer(side) for side in (network, opponent.network)]
    generator, ours = fabric.setup(network, adams[0])
    discriminator, theirs = fabric.setup(opponent.network, adams[1])
    session.resume(network=network, opponent=opponent.network, ours=adams[0], theirs=adams[1])
    for batches in session.steps(_rounds(problem.between, opponent.steps), ours, theirs):
        for k, batch in enumerate(batches, 1):
            batch = batch.to(fabric.device)
            with torch.set_grad_enabled(k == opponent.steps):
                prediction = problem.predict(generator, batch)
            true, false = problem.seen(prediction, batch)
            mixture = opponent.mixture(len(session.rows) * opponent.steps + k, true)
            discriminator.requires_grad_(True)
            contest = _judge(discriminator, opponent, true, false.detach(), mixture)
            theirs.zero_grad()
            fabric.backward(contest["discriminator_loss"])
            theirs.step()
        discriminator.requires_grad_(False)
        fooled = opponent.adversary.generator(discriminator(false))
        terms = {**problem.terms(prediction, batch), opponent.name: fooled}
        loss = weighted(terms, weights)
        ours.zero_grad()
        fabric.backward(loss)
        ours.step()
        session.record(loss, {**terms, **contest})
    return session.rows


def _judge(
    discriminator: nn.Module, opponent: Opponent, true: Tensor, false: Tensor, mixture: Tensor
) -> dict[str, Tensor]:
    """The discriminator's loss, and how well it tells the two apart (claim C6)."""
    adversary = opponent.adversary
    of_true, of_false = discriminator(torch.cat([true, false])).chunk(2)
    loss = adversary.discriminator(of_true, of_false)
    if not adversary.is_critic:
        right = torch.cat([of_true > 0, of_false <= 0]).float().mean()
        scores = of_true.sigmoid().mean(), of_false.sigmoid().mean()
        return _row(loss, right, *scores)
    # Of the network itself, in full precision: Fabric's wrapper allows no gradient of a gradient.
    penalty = gradient_penalty(opponent.network, true.float(), false.float(), mixture)
    right = (of_true > of_false).float().mean()
    row = _row(loss + adversary.penalty_weight * penalty, right, of_true.mean(), of_false.mean())
    return {**row, "gradient_penalty": penalty}


def _row(loss: Tensor, accuracy: Tensor, true_score: Tensor, false_score: Tensor) -> dict:
    return {
        "discriminator_loss": loss,
        "discriminator_accuracy": accuracy,
        "true_score": true_score,
        "false_score": false_score,
    }


def _rounds(
    between: Callable[[int, int], Iterator[Any]], size: int
) -> Callable[[int, int], Iterator[Sequence[Any]]]:
    """The same batches, ``size`` of them a step."""
    return lambda first, last: zip(*[between(first * size, last * size)] * size, strict=True)
