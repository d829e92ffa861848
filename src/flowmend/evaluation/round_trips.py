"""The true flow's own round trips: where they close, and what else draws the same lines (2.2)."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.stats import spearmanr

from flowmend.evaluation.tasks import TaskRow
from flowmend.geometry.derivatives import gradient, jacobian_norm, safe_norm, spatio_temporal
from flowmend.geometry.round_trip import round_trip

Flows = Float[ndarray, "frames 2 2 height width"]


def occlusion_rows(
    clip: str, flow: Flows, occluded: Bool[ndarray, "pairs height width"]
) -> Iterator[TaskRow]:
    """Mean length of the round trip where a point stays visible, and where not (claim C2).

    Args:
        clip: its name.
        flow: true flow, (T, 2 directions [forward, backward], 2, H, W), px.
        occluded: what frame t shows and frame t+1 does not, known independently of the flow.
    """
    forward, backward = torch.from_numpy(flow[:-1, 0]), torch.from_numpy(flow[1:, 1])
    trip = round_trip(forward, backward).double().numpy()
    for condition, where in (("visible", ~occluded), ("occluded", occluded)):
        if where.any():
            value = float(trip[where].mean())
            yield TaskRow("round_trip", "truth", None, clip, condition, "fb_px", value)


def correlation_rows(clip: str, flow: Flows) -> Iterator[TaskRow]:
    """Spearman's correlation of the spatio-temporal error with two other maps (claim C5).

    With the gradient of the round trip, which the report says carries the same edges, and with
    the norm of the flow's own gradient; means over the clip's pairs.
    """
    found: dict[str, list[float]] = {"round_trip_gradient": [], "flow_gradient": []}
    for t in range(len(flow) - 1):
        f, f_next, b_next = map(torch.from_numpy, (flow[t, 0], flow[t + 1, 0], flow[t + 1, 1]))
        own = spatio_temporal(f, f_next).flatten()
        others = (safe_norm(gradient(round_trip(f, b_next)), dim=-3), jacobian_norm(f))
        for name, other in zip(found, others):
            if own.std() > 0 and other.std() > 0:  # where nothing varies there is no order
                found[name].append(float(spearmanr(own, other.flatten()).statistic))
    for condition, values in found.items():
        value = float(np.mean(values)) if values else float("nan")
        yield TaskRow("spatio_temporal", "truth", None, clip, condition, "rank_correlation", value)
