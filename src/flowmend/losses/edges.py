"""The loss that ties an edge map to the flow's gradient, proposed but never run in the report."""

import torch
from torch import Tensor

from flowmend.geometry.derivatives import jacobian_norm
from flowmend.losses.region import mean_over
from flowmend.losses.scene import Scene
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


def edge_agreement_loss(scene: Scene) -> Tensor:
    """Mean of ``L(e, n)`` between predicted edges and predicted forward flow, in [0, 1] (2.6.3).

    ``n`` is the norm of the forward flow's Jacobian and ``N`` the scene's ``edge_threshold_px``:
    edges are wanted where ``n > 0.69·N``; a jump of d px between pixels has ``n = d/2``.
    Both sides are the network's: no edge anywhere beside a constant flow is a minimum, so that
    this is a regulariser only.

    Raises:
        ValueError: the scene has no predicted edges.
    """
    if scene.predicted_edges is None:
        raise ValueError("edge_agreement needs predicted edges: the network gives none")
    flows, _, where = scene.hidden_flows()
    edges = scene.predicted_edges[:, scene.hidden]
    errors = edge_agreement(edges, jacobian_norm(flows[:, :, 0]), scene.edge_threshold_px)
    return mean_over(errors, None if where is None else where.squeeze(2))
