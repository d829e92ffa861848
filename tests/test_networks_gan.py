"""Discriminators and the edge generator: what they look at, and what they must not touch."""

import pytest
import torch
from torch import Tensor, nn

from flowmend.networks.edge_gan import EdgeCritic, EdgeGenerator
from flowmend.networks.patchgan import PatchGan

SIZES = [(32, 32), (17, 23), (8, 40)]


def _edges(height: int = 16, width: int = 24) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    edges = (torch.rand(2, 1, height, width, generator=generator) > 0.8).float()
    hole = torch.zeros_like(edges)
    hole[..., 4:8, 5:12] = 1
    return edges, hole, torch.randn(edges.shape, generator=generator)


def _seen_by(score: Tensor, x: Tensor) -> Tensor:
    """Rows and columns of ``x`` that a score depends on, as two ranges."""
    (gradient,) = torch.autograd.grad(score, x, retain_graph=True)
    return gradient[0].abs().sum(0).nonzero()


class TestPatchGan:
    @pytest.mark.parametrize("size", SIZES)
    def test_gives_a_logit_for_each_patch(self, size: tuple[int, int]) -> None:
        logits = PatchGan(5, 4)(torch.randn(2, 5, *size))
        assert logits.shape == (2, 1, size[0] // 4 - 1, size[1] // 4 - 1)

    def test_judges_patches_of_the_size_it_says(self) -> None:
        torch.manual_seed(0)
        discriminator, x = PatchGan(2, 4), torch.randn(1, 2, 64, 64, requires_grad=True)
        seen = _seen_by(discriminator(x)[0, 0, 7, 7], x)
        sides = seen.max(0).values - seen.min(0).values + 1
        assert sides.tolist() == [discriminator.receptive_field_px] * 2 == [22, 22]

    def test_patches_overlap(self) -> None:
        torch.manual_seed(0)
        discriminator, x = PatchGan(2, 4), torch.randn(1, 2, 64, 64, requires_grad=True)
        logits = discriminator(x)
        first, second = (_seen_by(logits[0, 0, 7, k], x)[:, 1] for k in (7, 8))
        assert second.min() - first.min() == 4
        assert first.max() > second.min()

    def test_samples_of_a_batch_do_not_meet(self) -> None:
        discriminator, x = PatchGan(2, 4).eval(), torch.randn(2, 2, 16, 16)
        torch.testing.assert_close(discriminator(x)[:1], discriminator(x[:1]))

    def test_the_logits_are_no_steeper_than_spectral_norms_allow(self) -> None:
        """Spectral norms of 1: the logits' steepness is bounded, however the weights grow."""
        torch.manual_seed(0)
        discriminator = PatchGan(2, 4)
        with torch.no_grad():
            for parameter in discriminator.parameters():
                parameter.mul_(100.0)
            for _ in range(20):  # the norms are followed, one iteration a pass
                discriminator(torch.zeros(1, 2, 8, 8))
        x, change = torch.randn(2, 1, 2, 22, 22)
        discriminator.eval()
        moved = (discriminator(x + change) - discriminator(x)).norm()
        # A pixel takes part in 4 patches of each strided layer and 16 of the last: their roots.
        assert moved <= (2 * 2 * 4) * change.norm()

    def test_learns_to_tell_blurred_from_sharp(self) -> None:
        torch.manual_seed(0)
        discriminator = PatchGan(1, 8)
        optimizer = torch.optim.Adam(discriminator.parameters(), lr=3e-3)
        for _ in range(80):
            sharp = (torch.randn(8, 1, 1, 32) + torch.randn(8, 1, 32, 1)).sign()
            blurred = nn.functional.avg_pool2d(sharp, 3, 1, 1)
            true, false = discriminator(sharp), discriminator(blurred)
            loss = nn.functional.softplus(-true).mean() + nn.functional.softplus(false).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert (true > 0).float().mean() + (false < 0).float().mean() > 1.9


class TestEdgeGenerator:
    @pytest.mark.parametrize("size", SIZES)
    def test_keeps_known_edges_and_draws_probabilities(self, size: tuple[int, int]) -> None:
        edges, hole, noise = _edges(*size)
        drawn = EdgeGenerator(4)(edges * (1 - hole), hole, noise)
        assert torch.equal(drawn[hole == 0], edges[hole == 0])
        assert drawn.shape == edges.shape
        assert ((drawn[hole == 1] > 0) & (drawn[hole == 1] < 1)).all()

    def test_does_not_look_into_the_hole(self) -> None:
        edges, hole, noise = _edges()
        generator = EdgeGenerator(4)
        told = generator(edges, hole, noise)
        assert torch.equal(told, generator(edges * (1 - hole), hole, noise))

    def test_draws_something_else_for_other_noise(self) -> None:
        edges, hole, noise = _edges()
        generator = EdgeGenerator(4)
        change = generator(edges, hole, noise) - generator(edges, hole, -noise)
        assert change.abs().max() > 1e-3


class TestEdgeCritic:
    @pytest.mark.parametrize("size", SIZES)
    def test_gives_one_score_a_sample(self, size: tuple[int, int]) -> None:
        seen = torch.randn(3, 3, *size)
        critic = EdgeCritic(4)
        scores = critic(seen)
        assert scores.shape == (3,)
        torch.testing.assert_close(scores[:1], critic(seen[:1]))

    def test_sees_every_pixel_of_every_channel(self) -> None:
        torch.manual_seed(0)
        seen = torch.randn(1, 3, 32, 32, requires_grad=True)
        (gradient,) = torch.autograd.grad(EdgeCritic(8)(seen).sum(), seen)
        assert (gradient != 0).all()

    def test_the_gradient_penalty_reaches_its_weights(self) -> None:
        """The norm of the gradient can be differentiated again, as WGAN-GP needs."""
        critic, seen = EdgeCritic(4), torch.randn(2, 3, 32, 32, requires_grad=True)
        (gradient,) = torch.autograd.grad(critic(seen).sum(), seen, create_graph=True)
        (gradient.flatten(1).norm(dim=1) - 1).square().mean().backward()
        weights = [p for name, p in critic.named_parameters() if name.endswith("weight")]
        assert all(w.grad is not None and w.grad.abs().sum() > 0 for w in weights)
