"""Edges of flow that had to be estimated: what source (c) of the report is on footage (2.6.1)."""

import numpy as np
from jaxtyping import Bool

from flowmend.datasets.resize import resize_flow
from flowmend.edges import flow_edges
from flowmend.estimators import ClipFrames, dis

SOURCE = "estimated flow"


def estimated_flow_edges(
    clip: ClipFrames, frames: int, size: tuple[int, int], threshold_px: float
) -> Bool[np.ndarray, "frames height width"]:
    """Canny on DIS flow, from pictures alone. On exact flow the source meets the truth by nature.

    Args:
        clip: its pictures; flow frame t is video frame t + 1.
        frames: T.
        size: (H, W), px.
        threshold_px: Canny's upper threshold, px per px.
    """
    estimated = (dis.estimate_frames(clip, t, t + 1) for t in range(1, frames + 1))
    flows = (resize_flow(flow, *size) for flow in estimated)
    return np.stack([flow_edges(flow, threshold_px) for flow in flows])
