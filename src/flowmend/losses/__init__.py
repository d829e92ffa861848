"""What training minimises; each returns a scalar in its docstring's unit."""

from collections.abc import Callable

from torch import Tensor

from flowmend.losses.consistency import forward_backward
from flowmend.losses.reconstruction import l1, l2

# (predicted, true) -> scalar; both (B, T, 2 directions [forward, backward], 2, H, W), px.
Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: dict[str, Loss] = {
    "l1": l1,
    "l2": l2,
    "forward_backward": lambda p, q: forward_backward(p[:, :, 0], p[:, :, 1]),
}

__all__ = ["LOSSES", "Loss"]
