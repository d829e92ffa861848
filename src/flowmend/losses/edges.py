"""The loss that ties an edge map to the flow's gradient, proposed but never run in the report."""

import torch
from torch import Tensor

from flowmend.types import ErrorMap


def edge_agreement(e: Tensor, n: Tensor, threshold: float) -> ErrorMap:
    """``L(e, n) = (1 − e)(1 − exp(−n/N)) + e·exp(−n/N)`` at each pixel, in [0, 1] (report, 2.6.3).

    Zero where there is neither edge nor gradient and, in the limit, where there are both. It is
    linear in ``e``, so that its minimiser over ``e`` is 0 or 1: 1 where ``n > N·ln 2``.

    Args:
        e: edge map, (…, H, W), 0 (no edge) to 1 (edge).
        n: norm of the flow's Jacobian, (…, H, W), px per px, not negative.
        threshold: N, px per px.

    Raises:
        ValueError: the threshold is not positive.
    """
    if not threshold > 0:
        raise ValueError(f"threshold must be positive, got {threshold}")
    flat = torch.exp(-n / threshold)
    return (1 - e) * (1 - flat) + e * flat
