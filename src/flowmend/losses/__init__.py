"""What training minimises; each returns a scalar in its docstring's unit.

Losses look at the network's own output over all that it is given, known pixels included, as in
the report (2.2.7); compositing comes after training.
"""

from collections.abc import Callable

from torch import Tensor

from flowmend.losses.consistency import forward_backward, with_true_neighbours
from flowmend.losses.reconstruction import l1, l2

# (predicted, true, hidden frames) -> scalar, px; flows are (B, T, 2 directions, 2, H, W), px.
Loss = Callable[[Tensor, Tensor, slice], Tensor]

LOSSES: dict[str, Loss] = {
    "l1": lambda p, q, hidden: l1(p[:, hidden], q[:, hidden]),
    "l2": lambda p, q, hidden: l2(p[:, hidden], q[:, hidden]),
    "forward_backward": lambda p, q, hidden: forward_backward(with_true_neighbours(p, q, hidden)),
}

__all__ = ["LOSSES", "Loss"]
