"""Losses: identities, slow references, gradients that stay finite where the flows agree."""

import pytest
import torch
from torch.autograd import gradcheck

from flowmend.losses import LOSSES
from flowmend.losses.consistency import forward_backward, with_true_neighbours
from flowmend.losses.reconstruction import l1, l2
from flowmend.params import LossName


def _clip(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


class TestReconstruction:
    def test_a_three_four_offset(self) -> None:
        q = _clip(0, 2, 3, 2, 5, 6)
        p = q + torch.tensor([3.0, -4.0], dtype=q.dtype).reshape(2, 1, 1)
        assert l1(p, q) == pytest.approx(7.0)
        assert l2(p, q) == pytest.approx(5.0, abs=1e-9)

    @pytest.mark.parametrize(("loss", "order"), [(l1, 1), (l2, 2)])
    def test_against_a_loop(self, loss, order: int) -> None:
        p, q = _clip(1, 2, 4, 5), _clip(2, 2, 4, 5)
        pixels = [(i, j) for i in range(4) for j in range(5)]
        norms = [torch.linalg.vector_norm(p[:, i, j] - q[:, i, j], order) for i, j in pixels]
        assert loss(p, q) == pytest.approx(torch.stack(norms).mean().item(), abs=1e-6)


def _flows(forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
    return torch.stack([forward, backward], dim=2)


class TestForwardBackward:
    def test_opposite_translations_cancel(self) -> None:
        motion = torch.tensor([1.5, -0.5]).reshape(2, 1, 1).expand(1, 4, 2, 8, 8)
        assert forward_backward(_flows(motion, -motion)) < 1e-5

    def test_pairs_a_frame_with_the_next(self) -> None:
        forward, backward = torch.zeros(1, 3, 2, 6, 6), torch.zeros(1, 3, 2, 6, 6)
        forward[:, 2], backward[:, 0] = 7.0, 7.0  # neither has a partner in the clip
        assert forward_backward(_flows(forward, backward)) < 1e-5
        forward[:, 0, 0] = 1.0
        assert forward_backward(_flows(forward, backward)) == pytest.approx(0.5, abs=1e-5)

    def test_the_middle_two_stand_between_true_frames(self) -> None:
        true = torch.arange(6.0).reshape(1, 6, 1, 1, 1, 1).expand(1, 6, 2, 2, 4, 4)
        between = with_true_neighbours(-true, true, slice(2, 4))
        assert between[0, :, 0, 0, 0, 0].tolist() == [1.0, -2.0, -3.0, 4.0]

    def test_all_frames_have_no_true_neighbour(self) -> None:
        true = torch.ones(1, 6, 2, 2, 4, 4)
        assert torch.equal(with_true_neighbours(-true, true, slice(0, 6)), -true)


def test_the_registry_holds_what_params_may_name() -> None:
    assert set(LOSSES) == set(LossName.__args__)


@pytest.mark.parametrize("name", LOSSES)
class TestEveryLoss:
    @pytest.mark.parametrize("q", [torch.zeros(1, 3, 2, 2, 6, 6), torch.ones(1, 3, 2, 2, 6, 6)])
    def test_gradient_is_finite_at_agreement(self, name: str, q: torch.Tensor) -> None:
        p = q.clone().requires_grad_()
        LOSSES[name](p, q, slice(1, 3)).backward()
        assert p.grad is not None
        assert p.grad.isfinite().all()

    def test_gradcheck(self, name: str) -> None:
        p = (0.3 * _clip(3, 1, 2, 2, 2, 4, 4) + 0.11).requires_grad_()
        assert gradcheck(lambda x: LOSSES[name](x, _clip(4, 1, 2, 2, 2, 4, 4), slice(0, 2)), (p,))
