"""The lateral dependency loss: neighbours differ as much as they truly do (report, 2.2.5)."""

import torch.nn.functional as F
from torch import Tensor

from flowmend.geometry.derivatives import safe_norm
from flowmend.losses.region import mean_over
from flowmend.types import ErrorMap, Flow


def lateral_dependency(p: Flow, q: Flow, where: Tensor | None = None) -> Tensor:
    """How far the steps between neighbouring pixels are from their true length, px ([25], 2.2.5).

    ``1/n Σ_{i,j} |EPE(p(i,j), p(i−1,j)) − EPE(q(i,j), q(i−1,j))| + the same with (i,j−1)``, where
    ``EPE(a, b) = ‖a − b‖₂`` and n counts the pixels. The two terms are added, and each is 0 in the
    first row or column, which has no neighbour there.

    Only lengths count: p may be shifted by a constant or turned as a whole, so that the loss is
    no substitute for :func:`flowmend.losses.reconstruction.l1` beside it. Its gradient at a
    constant prediction is zero.

    Args:
        p: predicted, (…, 2, H, W), px.
        q: true, same shape.
        where: pixels (i, j) that count, bool, broadcast to (…, H, W); None for all.
    """
    along_x = (_step(p, -1) - _step(q, -1)).abs()
    along_y = (_step(p, -2) - _step(q, -2)).abs()
    return mean_over(F.pad(along_x, (1, 0)) + F.pad(along_y, (0, 0, 1, 0)), where)


def _step(flow: Flow, dim: int) -> ErrorMap:
    """EPE between each pixel and the one before it; one pixel fewer along ``dim``."""
    return safe_norm(flow.diff(dim=dim), dim=-3)
