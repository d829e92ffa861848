"""Adversarial losses: known values, closed-form optima and the gradient penalty's slope."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from flowmend.losses import ADVERSARIES, gradient_penalty
from losses_reference import clip

PATCHGAN, WGAN_GP = ADVERSARIES["patchgan"], ADVERSARIES["wgan_gp"]
LIST_OF_LOGITS = st.lists(st.floats(-30, 30), min_size=4, max_size=4)


def _seen(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(clip(seed, *shape))


class TestPatchGan:
    def test_is_log_2_when_it_cannot_tell(self) -> None:
        zero = torch.zeros(3, 1, 4, 5, dtype=torch.float64)
        assert PATCHGAN.discriminator(zero, zero).item() == pytest.approx(math.log(2))
        assert PATCHGAN.generator(zero).item() == pytest.approx(math.log(2))

    @settings(max_examples=50, deadline=None)
    @given(true=LIST_OF_LOGITS, false=LIST_OF_LOGITS)
    @example(true=[20.5] * 4, false=[-20.5] * 4)  # log(1 + e^-a) is not yet 0
    def test_meets_the_cross_entropy_patch_by_patch(self, true, false) -> None:
        told_true = [math.log1p(math.exp(-a)) for a in true]
        told_false = [math.log1p(math.exp(a)) for a in false]
        fooled = [math.log1p(math.exp(-a)) for a in false]
        patches = [torch.tensor(a, dtype=torch.float64).reshape(2, 1, 1, 2) for a in (true, false)]
        expected = (np.mean(told_true) + np.mean(told_false)) / 2
        assert PATCHGAN.discriminator(*patches).item() == pytest.approx(expected, rel=1e-12)
        assert PATCHGAN.generator(patches[1]).item() == pytest.approx(np.mean(fooled), rel=1e-12)

    def test_who_tells_all_apart_pays_nothing(self) -> None:
        sure = torch.full((2, 1, 3, 3), 60.0)
        assert PATCHGAN.discriminator(sure, -sure).item() == pytest.approx(0, abs=1e-20)

    def test_a_beaten_generator_still_learns(self) -> None:
        """The saturating form has gradient σ(−60) here, the literal log(σ) is −inf from −104 on."""
        logits = torch.full((1, 1, 2, 2), -200.0, requires_grad=True)
        PATCHGAN.generator(logits).backward()
        assert logits.grad is not None
        assert torch.equal(logits.grad, torch.full((1, 1, 2, 2), -0.25))

    def test_needs_no_penalty(self) -> None:
        assert PATCHGAN.penalty_weight == 0
        assert not PATCHGAN.is_critic


class TestWasserstein:
    def test_means_of_scores(self) -> None:
        true, false = torch.tensor([4.0, 2.0]), torch.tensor([1.0, -2.0])
        assert WGAN_GP.discriminator(true, false).item() == -3.5
        assert WGAN_GP.generator(false).item() == 0.5

    def test_a_critic_has_no_zero(self) -> None:
        true, false = _seen(0, 5), _seen(1, 5)
        shifted = WGAN_GP.discriminator(true + 9, false + 9).item()
        assert shifted == pytest.approx(WGAN_GP.discriminator(true, false).item())
        assert WGAN_GP.is_critic

    @pytest.mark.parametrize("distance", [0.5, 3.0])
    def test_the_best_linear_critic_of_two_points(self, distance: float) -> None:
        """−d·s + 10·(s − 1)² is least at s = 1 + d/20."""
        false = torch.zeros(4, 1, 1, 1, dtype=torch.float64)
        true, mix = false + distance, torch.rand(4, 1, 1, 1, dtype=torch.float64)
        slope = torch.tensor(1 + distance / 20, dtype=torch.float64, requires_grad=True)

        def critic(seen: torch.Tensor) -> torch.Tensor:
            return slope * seen.flatten(1).sum(1)

        penalty = gradient_penalty(critic, true, false, mix)
        loss = WGAN_GP.discriminator(critic(true), critic(false)) + WGAN_GP.penalty_weight * penalty
        (gradient,) = torch.autograd.grad(loss, slope)
        assert gradient.item() == pytest.approx(0, abs=1e-12)


class TestGradientPenalty:
    @pytest.mark.parametrize(("norm", "expected"), [(1.0, 0.0), (2.0, 1.0), (0.0, 1.0), (4.0, 9.0)])
    def test_of_a_linear_critic_is_known(self, norm: float, expected: float) -> None:
        weight = torch.zeros(3, 2, 2)
        weight[:2, 0], weight[2] = norm / 2, 0.0  # four weights of half the norm
        true, false = _seen(0, 5, 3, 2, 2).float(), _seen(1, 5, 3, 2, 2).float()
        found = gradient_penalty(
            lambda seen: (seen * weight).sum((1, 2, 3)), true, false, torch.rand(5, 1, 1, 1)
        )
        assert found.item() == expected

    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 2**16))
    def test_against_a_loop(self, seed: int) -> None:
        """The slope of ½‖x‖² + sin x₀ is x, plus cos x₀ in the first place."""
        true, false = _seen(seed, 4, 2, 3, 2), _seen(seed + 1, 4, 2, 3, 2)
        mix = _seen(seed + 2, 4, 1, 1, 1).sigmoid()
        expected = []
        for one, other, u in zip(true, false, mix.flatten().tolist()):
            slope = [u * a + (1 - u) * b for a, b in zip(one.flatten(), other.flatten())]
            slope[0] = slope[0] + math.cos(slope[0])
            expected.append((math.sqrt(sum(float(a) ** 2 for a in slope)) - 1) ** 2)

        def critic(seen: torch.Tensor) -> torch.Tensor:
            return seen.square().sum((1, 2, 3)) / 2 + seen[:, 0, 0, 0].sin()

        found = gradient_penalty(critic, true, false, mix).item()
        assert found == pytest.approx(np.mean(expected), rel=1e-9)

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_a_share_of_one_is_the_truth(self, share: float) -> None:
        true, false = _seen(3, 2, 1, 2, 2), _seen(4, 2, 1, 2, 2)
        seen: list[torch.Tensor] = []

        def critic(x: torch.Tensor) -> torch.Tensor:
            seen.append(x.detach())
            return x.sum((1, 2, 3))

        gradient_penalty(critic, true, false, torch.full((2, 1, 1, 1), share, dtype=true.dtype))
        assert torch.equal(seen[0], true if share else false)

    def test_conditions_count_as_well(self) -> None:
        def of_the_condition(seen: torch.Tensor) -> torch.Tensor:
            return 3 * seen[:, 1].flatten(1)[:, 0]

        true, false = _seen(5, 2, 2, 3, 3), _seen(6, 2, 2, 3, 3)
        mix = torch.rand(2, 1, 1, 1, dtype=true.dtype)
        assert gradient_penalty(of_the_condition, true, false, mix).item() == 4

    def test_moves_the_critic_and_no_sample(self) -> None:
        true, false = (_seen(seed, 3, 1, 2, 2).requires_grad_() for seen, seed in ((0, 7), (1, 8)))
        weight = _seen(9, 4, 4)
        mix = _seen(10, 3, 1, 1, 1).sigmoid()

        def penalty(weight: torch.Tensor) -> torch.Tensor:
            return gradient_penalty(
                lambda seen: (seen.flatten(1) @ weight).tanh().sum(1), true, false, mix
            )

        assert gradcheck(penalty, (weight.requires_grad_(),))
        penalty(weight).backward()
        assert weight.grad is not None
        assert weight.grad.any()
        assert true.grad is None
        assert false.grad is None

    def test_a_critic_that_says_nothing_has_a_finite_gradient(self) -> None:
        weight = torch.zeros(4, requires_grad=True)
        seen = torch.ones(2, 1, 2, 2)
        gradient_penalty(
            lambda x: x.flatten(1) @ weight, seen, seen, torch.rand(2, 1, 1, 1)
        ).backward()
        assert weight.grad is not None
        assert weight.grad.isfinite().all()
