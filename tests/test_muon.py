"""Muon: orthogonal steps of Adam's size, and a training that it resumes."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from flowmend.training.muon import Muon, orthogonalised


def _kernel(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(0)))


def _singular_values(matrix: Tensor) -> Tensor:
    return torch.linalg.svdvals(matrix.double())


class TestOrthogonalised:
    @pytest.mark.parametrize("shape", [(4, 4), (3, 40), (40, 3), (1, 9), (16, 675)])
    def test_singular_values_are_near_one(self, shape: tuple[int, int]) -> None:
        values = _singular_values(orthogonalised(_kernel(*shape).detach()))
        assert values.min() > 0.6
        assert values.max() < 1.3

    def test_directions_stay(self) -> None:
        """Against the literal U Vᵀ: equal singular vectors, so that U Vᵀ is their best fit."""
        matrix = _kernel(5, 12).detach()
        u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
        within = u.mT @ orthogonalised(matrix) @ vh.mT
        off = within - torch.diag(within.diagonal())
        assert off.abs().max() < 1e-5
        assert (within.diagonal() > 0.6).all()

    def test_size_does_not_matter(self) -> None:
        matrix = _kernel(5, 12).detach()
        large, small = orthogonalised(1e3 * matrix), orthogonalised(1e-1 * matrix)
        torch.testing.assert_close(large, small, rtol=1e-4, atol=1e-5)

    def test_zero_stays_zero(self) -> None:
        assert not orthogonalised(torch.zeros(3, 5)).any()


class TestMuon:
    def test_a_step_has_the_size_of_adams(self) -> None:
        """Whatever the shape, the root mean square of a step is about 0.2 learning rates."""
        for shape in ((12, 75, 3, 3), (24, 12, 1, 1), (8, 8, 3, 3)):
            kernel = _kernel(*shape)
            before = kernel.detach().clone()
            kernel.grad = torch.randn_like(kernel)
            Muon([kernel], lr=0.1).step()
            size = (kernel - before).square().mean().sqrt() / 0.1
            assert 0.1 < size < 0.3

    def test_the_layout_in_memory_does_not_matter(self) -> None:
        kernels = _kernel(6, 5, 3, 3), _kernel(6, 5, 3, 3)
        gradient = torch.randn(6, 5, 3, 3)
        kernels[1].data = kernels[1].data.to(memory_format=torch.channels_last)
        for kernel in kernels:
            kernel.grad = gradient.clone(memory_format=torch.preserve_format)
            Muon([kernel]).step()
        torch.testing.assert_close(kernels[0], kernels[1])

    def test_the_first_step_is_along_the_gradient(self) -> None:
        kernel = _kernel(4, 3, 3, 3)
        before = kernel.detach().clone()
        kernel.grad = torch.randn_like(kernel)
        Muon([kernel], lr=1.0).step()
        expected = 0.2 * 27**0.5 * orthogonalised(kernel.grad.flatten(1)).view_as(kernel)
        torch.testing.assert_close(before - kernel, expected, rtol=1e-4, atol=1e-6)

    def test_momentum_is_nesterovs(self) -> None:
        """Two steps against a literal reference: what is made orthogonal is g + 0.95 (m − g)."""
        kernel, gradients = _kernel(4, 3, 3, 3), torch.randn(2, 4, 3, 3, 3)
        optimizer = Muon([kernel], lr=0.1)
        expected, momentum = kernel.detach().clone(), torch.zeros(4, 3, 3, 3)
        for gradient in gradients:
            momentum = 0.95 * momentum + 0.05 * gradient
            ahead = 0.05 * gradient + 0.95 * momentum
            direction = orthogonalised(ahead.flatten(1)).view_as(ahead)
            expected -= 0.1 * 0.2 * 27**0.5 * direction
            kernel.grad = gradient
            optimizer.step()
        torch.testing.assert_close(kernel.detach(), expected, rtol=1e-4, atol=1e-5)

    def test_without_a_gradient_nothing_moves(self) -> None:
        kernel = _kernel(4, 3, 3, 3)
        before = kernel.detach().clone()
        Muon([kernel]).step()
        assert torch.equal(kernel, before)

    def test_a_state_taken_up_goes_on_alike(self) -> None:
        kernel, gradient = _kernel(4, 3, 3, 3), torch.randn(4, 3, 3, 3)
        optimizer = Muon([kernel])
        kernel.grad = gradient
        optimizer.step()
        again = nn.Parameter(kernel.detach().clone())
        taken_up = Muon([again])
        taken_up.load_state_dict(deepcopy(optimizer.state_dict()))
        for one, parameter in ((optimizer, kernel), (taken_up, again)):
            parameter.grad = gradient.flip(0)
            one.step()
        assert torch.equal(kernel, again)

    def test_learns_what_sees_little(self) -> None:
        """One channel is a tenth of the other, its gradient a hundredth: both are learned."""
        kernel, truth = nn.Parameter(torch.zeros(2, 2, 1, 1)), torch.eye(2)[..., None, None]
        optimizer = Muon([kernel], lr=0.05)
        inputs = torch.randn(64, 2, 4, 4, generator=torch.Generator().manual_seed(0))
        inputs[:, 1] *= 0.1
        for _ in range(100):
            optimizer.zero_grad()
            error = nn.functional.conv2d(inputs, kernel - truth)
            error.square().mean().backward()
            optimizer.step()
        assert (kernel - truth).abs().max() < 0.1
