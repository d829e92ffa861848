"""What discriminators and those who try to fool them minimise (report, 2.2.7, 2.6.2 and 2.6.4)."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Scores = Tensor  # of a discriminator: (B, …), one or more a sample, higher for what looks true


class Adversary(NamedTuple):
    """An adversarial objective; both functions give a scalar to be minimised.

    Attributes:
        discriminator: of the scores of true and of predicted samples, for the discriminator.
        generator: of the scores of predicted samples, for the network that tries to fool it.
        penalty_weight: of :func:`gradient_penalty` beside ``discriminator``; 0 for none.
        is_critic: scores are a critic's and have no zero; else logits, of which the sigmoid is
            the probability of truth.
    """

    discriminator: Callable[[Scores, Scores], Tensor]
    generator: Callable[[Scores], Tensor]
    penalty_weight: float
    is_critic: bool


def patch_discriminator(true: Scores, false: Scores) -> Tensor:
    """``½·(mean −log σ(D(true)) + mean −log(1 − σ(D(false))))``, nat ([7], section 3.3; 2.2.7).

    Halved as in [7], so that the discriminator learns more slowly; log 2 when it cannot tell.

    Args:
        true, false: logits of patches of true and of predicted samples, (B, 1, h, w).
    """
    return -(F.logsigmoid(true).mean() + F.logsigmoid(-false).mean()) / 2


def patch_generator(false: Scores) -> Tensor:
    """``mean −log σ(D(false))``, nat: the form of [7] that does not saturate (2.2.7).

    Args:
        false: logits of patches of predicted samples, (B, 1, h, w).
    """
    return -F.logsigmoid(false).mean()


def wasserstein_critic(true: Scores, false: Scores) -> Tensor:
    """``mean D(false) − mean D(true)``: minus the Wasserstein distance for the best critic ([3]).

    Args:
        true, false: critic's scores of true and of generated samples, (B,).
    """
    return false.mean() - true.mean()


def wasserstein_generator(false: Scores) -> Tensor:
    """``−mean D(false)`` ([3]; report, 2.6.4).

    Args:
        false: critic's scores of generated samples, (B,).
    """
    return -false.mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], true: Tensor, false: Tensor, mix: Tensor
) -> Tensor:
    """``mean over samples of (‖∇D(x̂)‖₂ − 1)²``, ``x̂ = u·true + (1 − u)·false`` ([3], section 4).

    The gradient is with respect to all that the critic sees, conditions included. They are the
    same in both samples, hence unchanged in the mix; and since the edges outside the hole are
    part of the condition too, leaving out the channels of conditions would not single out what
    is generated. To hold the whole gradient near 1 bounds the part within the hole as well.

    Differentiable with respect to the critic's parameters; samples are taken as data. The
    critic must judge each sample by itself (no batch normalisation).

    Args:
        critic: (B, C, H, W) to scores (B,).
        true: what the critic sees of true samples, (B, C, H, W).
        false: the same of generated samples.
        mix: u, uniform in [0, 1], (B, 1, 1, 1).
    """
    between = torch.lerp(false.detach(), true.detach(), mix).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # vector_norm has derivative 0 at 0, where the root of a sum of squares has NaN.
    return (torch.linalg.vector_norm(slope.flatten(1), dim=1) - 1).square().mean()


ADVERSARIES: dict[str, Adversary] = {
    "patchgan": Adversary(patch_discriminator, patch_generator, 0.0, is_critic=False),
    "wgan_gp": Adversary(wasserstein_critic, wasserstein_generator, 10.0, is_critic=True),
}
