"""Muon, for the kernels of convolutions (Jordan et al. 2024; beyond the report).

Adam weighs each number of a kernel by itself. Muon makes the whole step orthogonal: every
direction of the kernel moves by as much, also those that few pixels have something to say about.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
# Jordan's: a quintic that brings singular values of (0, 1] to about 1 in five rounds.
_COEFFICIENTS, _ROUNDS = (3.4445, -4.7750, 2.0315), 5
_SIZE_OF_ADAMS = 0.2  # root mean square of Adam's usual step over its learning rate
_NOTHING = 1e-7


class Muon(torch.optim.Optimizer):
    """Momentum (Nesterov's), made orthogonal, of each kernel (out, in, h, w) as (out, in·h·w).

    Steps are scaled to the size of Adam's (Liu et al. 2025), so that both can go by one learning
    rate. ``torch.optim.Muon`` takes matrices alone, and rounds them to bfloat16.

    Args:
        kernels: four-dimensional parameters.
        lr: learning rate.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float = 1e-3) -> None:
        super().__init__(kernels, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every kernel that has a gradient; ``closure`` is not used."""
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is not None:
                    direction = self._direction(self.state[kernel], kernel.grad)
                    kernel.add_(direction, alpha=-group["lr"])

    def _direction(self, state: dict[str, Tensor], gradient: Tensor) -> Tensor:
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        ahead = torch.lerp(gradient, momentum, _MOMENTUM)
        matrix = ahead.flatten(1)
        scale = _SIZE_OF_ADAMS * max(matrix.shape) ** 0.5
        return scale * orthogonalised(matrix).view_as(ahead)


def orthogonalised(matrix: Tensor) -> Tensor:
    """``U Vᵀ`` of ``matrix = U S Vᵀ``, roughly: singular values end near 1 (0.6 to 1.3, tested).

    Those under a thousandth of the greatest stay smaller; a matrix of zeros stays one.

    Args:
        matrix: (rows, columns).
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT
    wide = wide / (torch.linalg.matrix_norm(wide) + _NOTHING)
    a, b, c = _COEFFICIENTS
    for _ in range(_ROUNDS):
        gram = wide @ wide.mT
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        wide = torch.addmm(wide, polynomial, wide, beta=a)
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.mT
